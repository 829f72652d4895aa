package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// maskText stands in place of a masked member.
const maskText = "•••"

// Mask hides members of JSON values by their JSON pointers (RFC 6901). The
// zero value hides nothing. It may be used from several goroutines at once.
type Mask struct {
	pointers [][]string
}

// NewMask reads JSON pointers such as /data/billingEmail. A step * stands for
// every member or element.
func NewMask(pointers []string) (Mask, error) {
	var m Mask
	for _, p := range pointers {
		if !strings.HasPrefix(p, "/") {
			return Mask{}, fmt.Errorf("mask %q: want a JSON pointer such as /data/email", p)
		}
		steps := strings.Split(p[1:], "/")
		for i, s := range steps {
			steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
		}
		m.pointers = append(m.pointers, steps)
	}
	return m, nil
}

// Record is r as it may be shown: its value with the masked members hidden, and
// their texts hidden wherever the record repeats them, in its key, its headers or
// other members, as the message of an error about a member does. Texts of fewer than
// 4 bytes are left where they are repeated. It is r itself where nothing is masked, and
// otherwise shares with r what is not.
func (m Mask) Record(r *kafka.Record) *kafka.Record {
	if len(m.pointers) == 0 {
		return r
	}
	value, texts := m.value(r)
	texts = byLength(texts)
	shown := *r
	shown.Value = hideStrings(value, texts)
	shown.Key = hideTexts(r.Key, texts)
	for i, h := range r.Headers {
		hidden := hideTexts(h.Value, texts)
		if bytes.Equal(hidden, h.Value) {
			continue
		}
		if &shown.Headers[0] == &r.Headers[0] {
			shown.Headers = slices.Clone(r.Headers)
		}
		shown.Headers[i].Value = hidden
	}
	return &shown
}

// Value is Apply for a record's value. In the binary mode of CloudEvents that is an
// event's data alone: what a pointer says of /data it says of the value then.
func (m Mask) Value(r *kafka.Record) []byte {
	value, _ := m.value(r)
	return value
}

func (m Mask) value(r *kafka.Record) (shown []byte, texts []string) {
	if len(m.pointers) == 0 || !slices.ContainsFunc(r.Headers, func(h kafka.Header) bool { return h.Name == "ce_specversion" }) {
		return m.apply(r.Value)
	}
	both := Mask{pointers: slices.Clone(m.pointers)}
	for _, p := range m.pointers {
		switch {
		case p[0] != "data" && p[0] != "*":
		case len(p) > 1:
			both.pointers = append(both.pointers, p[1:])
		case len(r.Value) > 0:
			return []byte(maskText), addTexts(nil, r.Value)
		}
	}
	return both.apply(r.Value)
}

// frameHead is how many bytes a schema registry's serializers write before a value:
// a zero and the schema's id.
const frameHead = 5

// Apply returns value with the masked members replaced by the string •••, or
// value itself when it has none. The rest keeps its bytes. What begins like
// an object or array but is no JSON is hidden whole: nobody can tell what is
// in it. The same holds behind the id of a schema in front of a value.
func (m Mask) Apply(value []byte) []byte {
	shown, _ := m.apply(value)
	return shown
}

// apply is Apply, and the texts that it hid.
func (m Mask) apply(value []byte) (shown []byte, texts []string) {
	if len(m.pointers) > 0 && framed(value) {
		shown, texts = m.apply(value[frameHead:])
		return slices.Concat(value[:frameHead], shown), texts
	}
	if len(m.pointers) == 0 || !looksNested(value) {
		return value, nil
	}
	if !json.Valid(value) {
		return []byte(maskText), nil
	}
	s := maskScan{text: value}
	s.value(m.pointers)
	return s.result(), s.texts
}

func framed(value []byte) bool {
	return len(value) > frameHead && value[0] == 0 && looksNested(value[frameHead:])
}

func looksNested(value []byte) bool {
	for _, c := range value {
		switch c {
		case ' ', '\t', '\r', '\n':
		case 0xef, 0xbb, 0xbf: // a byte order mark
		default:
			return c == '{' || c == '['
		}
	}
	return false
}

// maskScan walks through text that is valid JSON.
type maskScan struct {
	text   []byte
	at     int
	out    []byte   // nil until something is masked
	copied int      // text up to here is in out
	texts  []string // of members that were hidden
	hide   []string // texts that are hidden in every string
}

func (s *maskScan) result() []byte {
	if s.out == nil {
		return s.text
	}
	return append(s.out, s.text[s.copied:]...)
}

// value passes one value under the given pointers' rests.
func (s *maskScan) value(pointers [][]string) {
	s.space()
	switch s.text[s.at] {
	case '{':
		s.members('}', pointers)
	case '[':
		s.members(']', pointers)
	case '"':
		start := s.at
		s.replace(start, s.str())
	default:
		for s.at < len(s.text) && !strings.ContainsRune(",]} \t\r\n", rune(s.text[s.at])) {
			s.at++
		}
	}
}

// members passes the members of an object or the elements of an array.
func (s *maskScan) members(closing byte, pointers [][]string) {
	s.at++
	for i := 0; ; i++ {
		s.space()
		if s.text[s.at] == closing {
			s.at++
			return
		}
		if s.text[s.at] == ',' {
			s.at++
			s.space()
		}
		name := fmt.Sprint(i)
		if closing == '}' {
			name = s.str()
			s.space()
			s.at++ // the colon
			s.space()
		}
		s.member(name, pointers)
	}
}

func (s *maskScan) member(name string, pointers [][]string) {
	var below [][]string
	hide := false
	for _, p := range pointers {
		if p[0] != name && p[0] != "*" {
			continue
		}
		if len(p) == 1 {
			hide = true
		} else {
			below = append(below, p[1:])
		}
	}
	start := s.at
	if hide {
		s.out = append(s.out, s.text[s.copied:start]...)
		s.out = append(s.out, `"`+maskText+`"`...)
		below = nil
	}
	depth := len(s.out)
	s.value(below)
	if hide {
		s.out = s.out[:depth]
		s.copied = s.at
		s.texts = addTexts(s.texts, s.text[start:s.at])
	}
}

// str passes a string and returns what it says.
func (s *maskScan) str() string {
	start := s.at
	escaped := false
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	s.at++
	if !escaped {
		return string(s.text[start+1 : s.at-1])
	}
	var name string
	if json.Unmarshal(s.text[start:s.at], &name) != nil {
		return ""
	}
	return name
}

func (s *maskScan) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}
