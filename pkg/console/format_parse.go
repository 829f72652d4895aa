package console

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// formatParser reads verbs and escapes from text, at most one level deep: the
// format of %h{…} is nested and knows keys and values only.
type formatParser struct {
	text string
	dir  Direction
	at   int
	nest bool
}

func (p *formatParser) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("format %q at %d: %s", p.text, at+1, fmt.Sprintf(format, args...))
}

// parts reads until the end of the text or, when closing is not empty, until
// closing stands there, which it skips.
func (p *formatParser) parts(closing string) ([]Part, error) {
	var (
		parts []Part
		lit   []byte
	)
	flush := func() {
		if len(lit) > 0 {
			parts = append(parts, Part{Field: Literal, Literal: lit})
			lit = nil
		}
	}
	start := p.at
	for p.at < len(p.text) {
		if closing != "" && strings.HasPrefix(p.text[p.at:], closing) {
			p.at += len(closing)
			flush()
			return parts, nil
		}
		switch c := p.text[p.at]; c {
		case '\\':
			b, err := p.escape()
			if err != nil {
				return nil, err
			}
			lit = append(lit, b)
		case '%':
			if next := p.peek(1); next == '%' || next == '{' || next == '}' {
				lit = append(lit, next)
				p.at += 2
				continue
			}
			part, err := p.verb()
			if err != nil {
				return nil, err
			}
			flush()
			parts = append(parts, part)
		default:
			lit = append(lit, c)
			p.at++
		}
	}
	if closing != "" {
		return nil, p.errorf(start, "no %s closes this", closing)
	}
	flush()
	return parts, nil
}

// peek is the byte n after the current one, 0 past the end.
func (p *formatParser) peek(n int) byte {
	if p.at+n < len(p.text) {
		return p.text[p.at+n]
	}
	return 0
}

func (p *formatParser) escape() (byte, error) {
	at := p.at
	p.at += 2
	switch p.text[at : at+1+min(1, len(p.text)-at-1)] {
	case `\t`:
		return '\t', nil
	case `\n`:
		return '\n', nil
	case `\r`:
		return '\r', nil
	case `\\`:
		return '\\', nil
	case `\0`:
		return 0, nil
	case `\x`:
		if at+4 <= len(p.text) {
			if n, err := strconv.ParseUint(p.text[at+2:at+4], 16, 8); err == nil {
				p.at = at + 4
				return byte(n), nil
			}
		}
		return 0, p.errorf(at, `\x needs two hexadecimal digits`)
	}
	return 0, p.errorf(at, `unknown escape: want \t, \n, \r, \\, \0 or \xNN`)
}

// verb reads what a percent sign begins.
func (p *formatParser) verb() (Part, error) {
	at := p.at
	field, ok := fieldOf(p.peek(1))
	if !ok || p.nest && !inHeader(field) || p.dir == Input && field >= Iteration {
		return Part{}, p.unknownVerb(at)
	}
	p.at += 2
	part := Part{Field: field}
	var err error
	switch field {
	case Topic, Key, Value, Event:
		err = p.textModifier(&part)
	case Headers:
		err = p.headerModifier(&part)
	case Timestamp:
		err = p.timeModifier(&part)
	default:
		err = p.numberModifier(&part)
	}
	return part, err
}

func (p *formatParser) unknownVerb(at int) error {
	want := "%t %T %k %K %v %V %h{…} %H %p %o %e %d %i %E %%"
	switch {
	case p.nest:
		want = "%k %K %v %V %% inside %h"
	case p.dir == Input:
		want = "%t %T %k %K %v %V %h{…} %H %p %o %e %d %%"
	}
	got := p.text[at:min(at+2, len(p.text))]
	return p.errorf(at, "unknown verb %q: want one of %s", got, want)
}

func fieldOf(verb byte) (Field, bool) {
	switch verb {
	case 's':
		return Value, true
	case 'S':
		return ValueLen, true
	case ' ', 0:
		return Literal, false
	}
	for f := Topic; f <= Event; f++ {
		if verbOf(f)[1] == verb {
			return f, true
		}
	}
	return Literal, false
}

func inHeader(f Field) bool { return f == Key || f == KeyLen || f == Value || f == ValueLen }

// modifier reads "{name}" after a verb; ok is false when there is none. For
// the names in bracketed it stops before the opening brackets.
func (p *formatParser) modifier(bracketed ...string) (name string, ok bool, err error) {
	if p.peek(0) != '{' {
		return "", false, nil
	}
	rest := p.text[p.at+1:]
	for _, b := range bracketed {
		if after, found := strings.CutPrefix(rest, b); found && after != "" && strings.IndexByte("#[{", after[0]) >= 0 {
			p.at += 1 + len(b)
			return b, true, nil
		}
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return "", false, p.errorf(p.at, "no } closes this")
	}
	p.at += end + 2
	return rest[:end], true, nil
}

// bracketed reads text between brackets and the brace that ends the modifier:
// any run of # [ { and, after the text, its mirror image.
func (p *formatParser) bracketed() (string, error) {
	at := p.at
	var closing []byte
	for strings.IndexByte("#[{", p.peek(0)) >= 0 && p.peek(0) != 0 {
		c := p.peek(0)
		switch c {
		case '[':
			c = ']'
		case '{':
			c = '}'
		}
		closing = append([]byte{c}, closing...)
		p.at++
	}
	closing = append(closing, '}')
	end := strings.Index(p.text[p.at:], string(closing))
	if end < 0 {
		return "", p.errorf(at, "no %s closes this", closing)
	}
	text := p.text[p.at : p.at+end]
	p.at += end + len(closing)
	return text, nil
}

func (p *formatParser) textModifier(part *Part) error {
	at := p.at
	only := "unpack"
	if p.dir == Input {
		only = "re"
	}
	name, ok, err := p.modifier(only)
	if err != nil || !ok {
		return err
	}
	switch name {
	case "hex":
		part.Text = HexText
	case "base64":
		part.Text = Base64
	case "base64raw":
		part.Text = Base64Raw
	case "json":
		part.Text = JSONText
	case "unpack":
		part.Text = Unpack
		if part.Pattern, err = p.bracketed(); err != nil {
			return err
		}
		if bad := strings.Trim(part.Pattern, "x<>bBhHiIqQc.s$ "); bad != "" {
			return p.errorf(at, "unpack[%s]: unknown letter %q: want x < > b B h H i I q Q c . s $", part.Pattern, bad[:1])
		}
	case "re":
		part.Text = Regexp
		if part.Pattern, err = p.bracketed(); err != nil {
			return err
		}
		if _, err := regexp.Compile(part.Pattern); err != nil {
			return p.errorf(at, "%v", err)
		}
	default:
		return p.errorf(at, "unknown modifier {%s}: want hex, base64, base64raw, json or %s[…]", name, only)
	}
	return nil
}

func (p *formatParser) headerModifier(part *Part) error {
	if p.peek(0) != '{' {
		return p.errorf(p.at-2, "%%h needs the format of a header, as in %%h{%%k=%%v }")
	}
	p.at++
	p.nest = true
	var err error
	part.Header, err = p.parts("}")
	p.nest = false
	return err
}

func (p *formatParser) timeModifier(part *Part) error {
	at := p.at
	name, ok, err := p.modifier("go", "strftime")
	if err != nil || !ok {
		return err
	}
	switch name {
	case "go":
		part.Time = GoTime
		part.Layout, err = p.bracketed()
	case "strftime":
		part.Time = Strftime
		part.Layout, err = p.bracketed()
	default:
		if !p.number(part, name) {
			err = p.errorf(at, "unknown modifier {%s}: want go[…], strftime[…] or a number's: %s", name, p.numberNames())
		}
	}
	return err
}

func (p *formatParser) numberModifier(part *Part) error {
	at := p.at
	name, ok, err := p.modifier()
	if err != nil || !ok {
		return err
	}
	if !p.number(part, name) {
		return p.errorf(at, "unknown modifier {%s}: want %s", name, p.numberNames())
	}
	return nil
}

func (p *formatParser) numberNames() string {
	names := "ascii, hex64…hex4, big64…big8, little64…little8, byte, bool"
	if p.dir == Input {
		return names + " or a number"
	}
	return names + ", hex"
}

// number sets the form that a modifier names.
func (p *formatParser) number(part *Part, name string) bool {
	switch name {
	case "ascii", "number":
		part.Number = ASCII
		return true
	case "bool":
		part.Number = Bool
		return true
	case "byte":
		part.Number, part.Width = Big, 1
		return true
	case "hex":
		part.Number = HexNum
		return p.dir == Output
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		part.Number, part.Width = Exact, int(n)
		return p.dir == Input
	}
	for prefix, form := range map[string]NumberForm{"hex": HexNum, "big": Big, "little": Little} {
		bits, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		part.Number = form
		switch bits {
		case "64", "32", "16", "8":
			n, _ := strconv.Atoi(bits)
			part.Width = n / 8
			if form == HexNum {
				part.Width = n / 4
			}
			return true
		case "4":
			part.Width = 1
			return form == HexNum
		}
	}
	return false
}
