package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Filter says which records are wanted. All of its conditions must hold; the
// zero value wants every record. Null matches no condition that is not
// negated. A Filter is for one goroutine at a time.
type Filter struct {
	conditions []func(*kafka.Record) bool
	jq         []*gojq.Code
	jqErr      error // the first of a record
}

// Any tells whether the filter has conditions at all.
func (f *Filter) Any() bool { return len(f.conditions)+len(f.jq) > 0 }

// KeyGlob wants records whose whole key matches a glob: * for any text, ? for
// one character, [a-z] for one of a set, {a,b} for alternatives, \ before a
// character that is meant literally.
func (f *Filter) KeyGlob(glob string) error {
	re, err := compileGlob(glob)
	if err != nil {
		return err
	}
	f.add(func(r *kafka.Record) bool { return r.Key != nil && re.Match(r.Key) })
	return nil
}

// ValueGlob is KeyGlob for the value.
func (f *Filter) ValueGlob(glob string) error {
	re, err := compileGlob(glob)
	if err != nil {
		return err
	}
	f.add(func(r *kafka.Record) bool { return r.Value != nil && re.Match(r.Value) })
	return nil
}

// HeaderGlob wants records with a header whose name and value match the globs
// of NAME=VALUE; NAME alone takes any value, null too.
func (f *Filter) HeaderGlob(glob string) error {
	name, value, both := strings.Cut(glob, "=")
	nameRE, err := compileGlob(name)
	if err != nil {
		return err
	}
	valueRE, err := compileGlob(value)
	if err != nil {
		return err
	}
	f.add(func(r *kafka.Record) bool {
		for _, h := range r.Headers {
			if nameRE.MatchString(h.Name) && (!both || h.Value != nil && valueRE.Match(h.Value)) {
				return true
			}
		}
		return false
	})
	return nil
}

// Grep adds a condition of the form k:RE, v:RE or h:NAME=RE: a regular
// expression that matches somewhere in the key, the value, or a value of the
// header with that very name. A ! before it turns it round.
func (f *Filter) Grep(text string) error {
	rest, not := strings.CutPrefix(text, "!")
	what, pattern, ok := strings.Cut(rest, ":")
	name := ""
	if ok && what == "h" {
		name, pattern, ok = strings.Cut(pattern, "=")
	}
	if !ok || what != "k" && what != "v" && what != "h" {
		return fmt.Errorf("grep %q: want k:RE, v:RE or h:NAME=RE, with ! before it to turn it round", text)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("grep %q: %w", text, err)
	}
	match := func(r *kafka.Record) bool { return r.Key != nil && re.Match(r.Key) }
	switch what {
	case "v":
		match = func(r *kafka.Record) bool { return r.Value != nil && re.Match(r.Value) }
	case "h":
		match = func(r *kafka.Record) bool {
			for _, h := range r.Headers {
				if h.Name == name && h.Value != nil && re.Match(h.Value) {
					return true
				}
			}
			return false
		}
	}
	f.add(func(r *kafka.Record) bool { return match(r) != not })
	return nil
}

// JQ wants records whose value is JSON for which the jq expression gives, as
// one of its results, something other than false and null. A value that is no
// JSON and one the expression fails on are not wanted.
func (f *Filter) JQ(expression string) error {
	query, err := gojq.Parse(expression)
	if err != nil {
		return fmt.Errorf("jq %q: %w", expression, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return fmt.Errorf("jq %q: %w", expression, err)
	}
	f.jq = append(f.jq, code)
	return nil
}

func (f *Filter) add(condition func(*kafka.Record) bool) {
	f.conditions = append(f.conditions, condition)
}

// Match tells whether the record is wanted. The context bounds a jq expression
// that does not end.
func (f *Filter) Match(ctx context.Context, r *kafka.Record) bool {
	for _, c := range f.conditions {
		if !c(r) {
			return false
		}
	}
	if len(f.jq) == 0 {
		return true
	}
	value, ok := decodeJSON(r.Value)
	if !ok {
		return false
	}
	for _, code := range f.jq {
		if !f.truthy(ctx, code, value) {
			return false
		}
	}
	return true
}

func (f *Filter) truthy(ctx context.Context, code *gojq.Code, value any) bool {
	iter := code.RunWithContext(ctx, value)
	for {
		got, more := iter.Next()
		if !more {
			return false
		}
		if err, failed := got.(error); failed {
			if f.jqErr == nil && ctx.Err() == nil {
				f.jqErr = err
			}
			return false
		}
		if got != nil && got != false {
			return true
		}
	}
}

// decodeJSON reads exactly one JSON value, numbers of any size exact.
func decodeJSON(b []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return v, true
}

// compileGlob makes a regular expression of a glob.
func compileGlob(glob string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	runes := []rune(glob)
	depth := 0
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteByte('.')
		case c == '{':
			depth++
			b.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			b.WriteByte(')')
		case c == ',' && depth > 0:
			b.WriteByte('|')
		case c == '[':
			end := setEnd(runes, i)
			if end < 0 {
				return nil, fmt.Errorf("glob %q: no ] closes [", glob)
			}
			b.WriteString(globSet(runes[i+1 : end]))
			i = end
		case c == '\\' && i+1 < len(runes):
			i++
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if depth > 0 {
		return nil, fmt.Errorf("glob %q: no } closes {", glob)
	}
	b.WriteString(`)\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("glob %q: %w", glob, err)
	}
	return re, nil
}

// setEnd finds the ] of a set that begins at i; one right after the [ or [!
// belongs to the set.
func setEnd(runes []rune, i int) int {
	i++
	if i < len(runes) && (runes[i] == '!' || runes[i] == '^') {
		i++
	}
	for j := i; j < len(runes); j++ {
		if runes[j] == ']' && j > i {
			return j
		}
	}
	return -1
}

// globSet writes a set so that nothing but ranges has a meaning in it.
func globSet(set []rune) string {
	var b strings.Builder
	b.WriteByte('[')
	if set[0] == '!' || set[0] == '^' {
		b.WriteByte('^')
		set = set[1:]
	}
	for i, c := range set {
		if c == '-' && i > 0 && i < len(set)-1 {
			b.WriteByte('-')
			continue
		}
		if strings.ContainsRune(`\]^[-&~`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String() + "]"
}
