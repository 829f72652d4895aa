package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// What is remembered of hidden members, to be hidden where it is repeated: shorter
// texts and numbers stand in too many places by chance.
const (
	leastText   = 4 // bytes
	leastDigits = 6
	mostTexts   = 64 // of one record
)

// addTexts adds the texts in a JSON value that was hidden.
func addTexts(texts []string, raw []byte) []string {
	read := json.NewDecoder(bytes.NewReader(raw))
	read.UseNumber()
	var value any
	if read.Decode(&value) != nil {
		return texts
	}
	return collectTexts(texts, value)
}

func collectTexts(texts []string, value any) []string {
	add := func(text string, least int) {
		if len(text) >= least && len(texts) < mostTexts && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	switch v := value.(type) {
	case string:
		add(v, leastText)
	case json.Number:
		add(v.String(), leastDigits)
	case []any:
		for _, item := range v {
			texts = collectTexts(texts, item)
		}
	case map[string]any:
		for _, item := range v {
			texts = collectTexts(texts, item)
		}
	}
	return texts
}

// byLength puts the longest first: one may be a part of another.
func byLength(texts []string) []string {
	slices.SortStableFunc(texts, func(a, b string) int { return len(b) - len(a) })
	return texts
}

// hideTexts is b with every one of the texts in it replaced, or b itself without one.
func hideTexts(b []byte, texts []string) []byte {
	if len(texts) == 0 || len(b) == 0 {
		return b
	}
	hidden := hideIn(string(b), texts)
	if hidden == string(b) {
		return b
	}
	return []byte(hidden)
}

func hideIn(text string, texts []string) string {
	for _, t := range texts {
		text = strings.ReplaceAll(text, t, maskText)
	}
	return text
}

// hideStrings replaces the texts in the strings of a JSON value, but for the names of
// members. A value that is no JSON is as hideTexts has it.
func hideStrings(value []byte, texts []string) []byte {
	switch {
	case len(texts) == 0:
		return value
	case framed(value):
		return slices.Concat(value[:frameHead], hideStrings(value[frameHead:], texts))
	case !looksNested(value) || !json.Valid(value):
		return hideTexts(value, texts)
	}
	s := maskScan{text: value, hide: texts}
	s.value(nil)
	return s.result()
}

// replace passes a string, which begins at start and says text.
func (s *maskScan) replace(start int, text string) {
	if len(s.hide) == 0 {
		return
	}
	if hidden := hideIn(text, s.hide); hidden != text {
		s.out = append(s.out, s.text[s.copied:start]...)
		s.out = strictjson.AppendString(s.out, hidden)
		s.copied = s.at
	}
}
