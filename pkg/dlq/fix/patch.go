package fix

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// mostPairs bounds how many pairs of elements are compared to find the elements
// of an array that moved.
const mostPairs = 1 << 16

// same tells whether two decoded values are written alike. Numbers are compared
// exactly, as they would be written: 1.0 is 1, and 2^53+1 is not 2^53.
func same(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, ok := b[name]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	}
	return isNumber(b) && sameNumber(a, b)
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64, *big.Int, json.Number:
		return true
	}
	return false
}

func sameNumber(a, b any) bool {
	x, y := number(a), number(b)
	if x == y {
		return true
	}
	p, ok := new(big.Rat).SetString(x)
	if !ok {
		return false // not a number any more: written as null
	}
	q, ok := new(big.Rat).SetString(y)
	return ok && p.Cmp(q) == 0
}

// number is a number's text.
func number(v any) string {
	if n, ok := v.(json.Number); ok {
		return string(n)
	}
	text, err := gojq.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// appendPatched writes the value now over the text raw of the value was, and
// takes from raw all that is the same.
func appendPatched(dst, raw []byte, was, now any) []byte {
	if same(was, now) {
		return append(dst, raw...)
	}
	switch now := now.(type) {
	case map[string]any:
		if was, ok := was.(map[string]any); ok {
			return appendObject(dst, raw, was, now)
		}
	case []any:
		if was, ok := was.([]any); ok {
			return appendArray(dst, raw, was, now)
		}
	}
	return appendValue(dst, now)
}

func appendObject(dst, raw []byte, was, now map[string]any) []byte {
	dst = append(dst, '{')
	open := len(dst)
	comma := func() {
		if len(dst) > open {
			dst = append(dst, ',')
		}
	}
	var s strictjson.Scanner
	s.Reset(raw)
	more, err := s.OpenObject()
	for more && err == nil {
		s.Peek()
		from := s.Pos()
		var name, value []byte
		if name, err = s.Key(); err != nil {
			break
		}
		quoted := strings.TrimRight(string(s.Since(from)[:s.Pos()-from-1]), " \t\r\n")
		if value, err = s.Value(); err != nil {
			break
		}
		if v, kept := now[string(name)]; kept {
			comma()
			dst = append(append(dst, quoted...), ':')
			dst = appendPatched(dst, value, was[string(name)], v)
		}
		more, err = s.NextMember()
	}
	for _, name := range sortedNames(now) {
		if _, old := was[name]; !old {
			comma()
			dst = append(strictjson.AppendString(dst, name), ':')
			dst = appendValue(dst, now[name])
		}
	}
	return append(dst, '}')
}

func appendArray(dst, raw []byte, was, now []any) []byte {
	texts := elements(raw)
	dst = append(dst, '[')
	next := 0 // the first old element that may be the next new one
	for i, v := range now {
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(was) == len(now) {
			dst = appendPatched(dst, texts[i], was[i], v)
			continue
		}
		if at := find(was, v, next, len(now)); at >= 0 {
			dst, next = append(dst, texts[at]...), at+1
			continue
		}
		dst = appendValue(dst, v)
	}
	return append(dst, ']')
}

// find looks for v in was from next on, where that is cheap enough.
func find(was []any, v any, next, times int) int {
	if len(was)*times > mostPairs {
		return -1
	}
	for i := next; i < len(was); i++ {
		if same(was[i], v) {
			return i
		}
	}
	return -1
}

// elements are the texts of an array's elements.
func elements(raw []byte) [][]byte {
	var s strictjson.Scanner
	s.Reset(raw)
	var texts [][]byte
	more, err := s.OpenArray()
	for more && err == nil {
		var text []byte
		if text, err = s.Value(); err != nil {
			break
		}
		texts = append(texts, text)
		more, err = s.NextElement()
	}
	return texts
}

// appendValue writes a value that was not there before.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return strictjson.AppendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, name := range sortedNames(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(strictjson.AppendString(dst, name), ':')
			dst = appendValue(dst, v[name])
		}
		return append(dst, '}')
	}
	text, err := gojq.Marshal(v)
	if err != nil { // a type that no program gives
		return append(dst, "null"...)
	}
	return append(dst, text...)
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
