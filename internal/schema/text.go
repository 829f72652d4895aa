package schema

import (
	"encoding/json"
	"math/big"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// floor rounds towards minus infinity.
func floor(r *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Div(r.Num(), r.Denom()))
}

// text makes a string.
func (g *Generator) text(s *Schema) string {
	for range 8 {
		if text := g.candidate(s); fits(s, text) {
			return text
		}
	}
	return g.candidate(s)
}

// fitsText lets everything pass that is no string.
func fitsText(s *Schema, v json.RawMessage) bool {
	text, ok := Literal{Raw: v}.Text()
	return !ok || fits(s, text)
}

// fits checks length and pattern; a format is the hint's own care.
func fits(s *Schema, text string) bool {
	n := utf8.RuneCountInString(text)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return false
	}
	if s.Pattern == "" {
		return true
	}
	ok, err := regexp.MatchString(s.Pattern, text)
	return ok && err == nil
}

func (g *Generator) candidate(s *Schema) string {
	if text, ok := g.formatted(s.Format); ok {
		return text
	}
	if s.Pattern != "" {
		if re, err := syntax.Parse(s.Pattern, syntax.Perl); err == nil {
			var b strings.Builder
			g.match(&b, re, 0)
			return b.String()
		}
	}
	least, most := 1, 12
	if s.MinLength != nil {
		least = min(*s.MinLength, longest)
	}
	if s.MaxLength != nil {
		most = *s.MaxLength
	}
	least = min(least, max(most, 0))
	n := least + g.Rand.IntN(min(12, max(most-least, 0))+1)
	if g.Hint == nil && s.MaxLength != nil && most <= 2048 && g.Rand.IntN(4) == 0 {
		n = most
	}
	var b strings.Builder
	for range n {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[g.Rand.IntN(26)])
	}
	return b.String()
}

func (g *Generator) formatted(format string) (string, bool) {
	n := func(most int) string { return itoa(int64(g.Rand.IntN(most))) }
	two := func(low, most int) string {
		return strconv.Itoa(100 + low + g.Rand.IntN(most))[1:]
	}
	switch format {
	case "date":
		return "20" + two(20, 15) + "-" + two(1, 12) + "-" + two(1, 28), true
	case "date-time":
		return "20" + two(20, 15) + "-" + two(1, 12) + "-" + two(1, 28) + "T" + two(0, 24) + ":" + two(0, 60) + ":" + two(0, 60) + "Z", true
	case "time":
		return two(0, 24) + ":" + two(0, 60) + ":" + two(0, 60) + "Z", true
	case "email":
		return "user" + n(1000) + "@example.com", true
	case "ipv4":
		return "192.0.2." + n(256), true
	case "ipv6":
		return "2001:db8::" + strconv.FormatInt(int64(g.Rand.IntN(0xffff)), 16), true
	case "uri":
		return "https://example.com/" + n(1000), true
	case "uri-reference":
		return "/" + n(1000), true
	case "hostname":
		return "host" + n(1000) + ".example.com", true
	case "uuid":
		const hex = "0123456789abcdef"
		var b strings.Builder
		for i := range 36 {
			switch i {
			case 8, 13, 18, 23:
				b.WriteByte('-')
			default:
				b.WriteByte(hex[g.Rand.IntN(16)])
			}
		}
		return b.String(), true
	}
	return "", false
}

// match writes a text that re matches, with few repetitions.
func (g *Generator) match(b *strings.Builder, re *syntax.Regexp, depth int) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		i := g.Rand.IntN(len(re.Rune)/2) * 2
		b.WriteRune(re.Rune[i] + rune(g.Rand.IntN(int(min(re.Rune[i+1]-re.Rune[i], 25))+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a' + byte(g.Rand.IntN(26)))
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			g.match(b, sub, depth+1)
		}
	case syntax.OpAlternate:
		g.match(b, re.Sub[g.Rand.IntN(len(re.Sub))], depth+1)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		lo, hi := repeats(re)
		if hi < 0 || hi > lo+8 {
			hi = lo + 8
		}
		for range lo + g.Rand.IntN(hi-lo+1) {
			g.match(b, re.Sub[0], depth+1)
		}
	}
}
