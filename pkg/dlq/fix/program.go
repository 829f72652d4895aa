package fix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// maxProgram bounds the text of one program, in bytes.
const maxProgram = 64 << 10

// spec is what the process is told to do with each letter.
type spec struct {
	Transform string `json:"transform,omitempty"`
	Key       string `json:"key,omitempty"`
	Predicate string `json:"predicate,omitempty"`
	MaxValue  int    `json:"max_value"`
}

func (s *spec) any() bool { return s.Transform != "" || s.Key != "" || s.Predicate != "" }

// usesLetter tells whether a program looks at more than the value.
func (s *spec) usesLetter() bool {
	all := s.Transform + " " + s.Key + " " + s.Predicate
	return strings.Contains(all, "$key") || strings.Contains(all, "$headers")
}

// programs are a spec, compiled; nil is a program that is not wanted.
type programs struct {
	transform, key, predicate *gojq.Code
}

// compile checks all programs and puts them into p, which may be nil.
func (s *spec) compile(p *programs) error {
	if p == nil {
		p = &programs{}
	}
	for _, each := range []struct {
		text string
		into **gojq.Code
	}{{s.Transform, &p.transform}, {s.Key, &p.key}, {s.Predicate, &p.predicate}} {
		if each.text == "" {
			continue
		}
		code, err := compile(each.text)
		if err != nil {
			return err
		}
		*each.into = code
	}
	return nil
}

// kept are functions that gojq has and programs here have not: each would show
// something other than the letter, or say something to nobody.
func kept() []string {
	return []string{"$ENV", "env", "input", "inputs", "input_filename", "debug", "stderr", "halt", "halt_error", "get_search_list", "modulemeta"}
}

func compile(text string) (*gojq.Code, error) {
	if len(text) > maxProgram {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrProgram, len(text), maxProgram)
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrProgram, short(text), err)
	}
	if len(query.Imports) > 0 || query.Meta != nil {
		return nil, fmt.Errorf("%w %q: modules are not available", ErrProgram, short(text))
	}
	if name := calls(reflect.ValueOf(query), kept()); name != "" {
		return nil, fmt.Errorf("%w %q: %s is not available", ErrProgram, short(text), name)
	}
	code, err := gojq.Compile(query, gojq.WithVariables([]string{"$key", "$headers"}))
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrProgram, short(text), err)
	}
	return code, nil
}

// calls finds a function of the list that a parsed program calls, "" for none.
func calls(v reflect.Value, names []string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if f, ok := v.Interface().(*gojq.Func); ok && slices.Contains(names, f.Name) {
			return f.Name
		}
		return calls(v.Elem(), names)
	case reflect.Slice:
		for i := range v.Len() {
			if name := calls(v.Index(i), names); name != "" {
				return name
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := calls(v.Field(i), names); name != "" {
				return name
			}
		}
	}
	return ""
}

// short is a program's text for a message.
func short(text string) string {
	const longest = 80
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest]) + "…"
}

var (
	errEmpty   = errors.New("the program gives no result")
	errSeveral = errors.New("the program gives several results")
	errTime    = fmt.Errorf("the program did not end within %s", LetterTime)
)

// one runs a program that has to give one result.
func one(ctx context.Context, code *gojq.Code, input any, vars []any) (any, error) {
	iter := code.RunWithContext(ctx, input, vars...)
	first, ok := iter.Next()
	if !ok {
		return nil, errEmpty
	}
	if err, failed := first.(error); failed {
		return nil, programError(ctx, err)
	}
	if second, ok := iter.Next(); ok {
		if err, failed := second.(error); failed {
			return nil, programError(ctx, err)
		}
		return nil, errSeveral
	}
	return first, nil
}

func programError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errTime
	}
	return err
}

// job is one letter for the programs.
type job struct {
	key     []byte
	headers map[string]any // not nil
	value   []byte         // nil is null
}

// done is what came of it.
type done struct {
	status status
	value  []byte // of changed
	keySet bool
	key    []byte  // nil is a null key
	why    Refusal // of refused
}

// status is what became of a letter's value.
type status byte

const (
	unchanged status = iota
	changed
	skipped
	refused
)

func refuse(reason string) done { return done{status: refused, why: Refusal{Reason: reason}} }

// run does all programs to one letter.
func (p *programs) run(ctx context.Context, j *job, maxValue int) done {
	ctx, cancel := context.WithTimeout(ctx, LetterTime)
	defer cancel()
	var was any
	if j.value != nil {
		var err error
		if was, err = strictjson.Decode(j.value); err != nil {
			return refuse(err.Error())
		}
	}
	vars := []any{nil, j.headers}
	if j.key != nil && utf8.Valid(j.key) {
		vars[0] = string(j.key)
	}
	var d done
	now := was
	if p.transform != nil && j.value != nil {
		var err error
		now, err = one(ctx, p.transform, was, vars)
		if errors.Is(err, errEmpty) {
			return done{status: skipped}
		}
		if err != nil {
			return refuse("jq: " + err.Error())
		}
		if !same(was, now) {
			d.status, d.value = changed, appendPatched(make([]byte, 0, len(j.value)+64), trimmed(j.value), was, now)
			if len(d.value) > maxValue {
				return refuse(fmt.Sprintf("jq: the new value has %d bytes, the topic takes %d", len(d.value), maxValue))
			}
		}
	}
	if p.predicate != nil {
		got, err := one(ctx, p.predicate, now, vars)
		switch {
		case err != nil:
			return refuse("jq predicate: " + err.Error())
		case got == nil || got == false:
			return refuse("the jq predicate does not hold")
		}
	}
	if p.key != nil {
		got, err := one(ctx, p.key, now, vars)
		if err != nil {
			return refuse("jq of the key: " + err.Error())
		}
		d.keySet, d.key = true, keyOf(got)
	}
	return d
}

// trimmed is a JSON text without white space around it.
func trimmed(raw []byte) []byte { return []byte(strings.Trim(string(raw), " \t\r\n")) }

func keyOf(v any) []byte {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return []byte(v)
	case json.Number:
		return []byte(v)
	}
	return appendValue(nil, v)
}
