package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// indexed is all that a Line holds, to compare.
type indexed struct {
	number           int64
	text, topic, key string
	value, headers   string
	err              string
}

// collect gives a function for CheckLines and what it was called with.
func collect() (func([]events.Line) error, *[]indexed) {
	var list []indexed
	return func(lines []events.Line) error {
		for _, l := range lines {
			x := indexed{number: l.Number, text: string(l.Text)}
			if l.Err != nil {
				x.err = l.Err.Error()
			} else {
				x.topic, x.key, x.value = l.Record.Topic, string(l.Record.Key), string(l.Record.Value)
				x.headers = fmt.Sprintf("%s", l.Record.Headers)
			}
			list = append(list, x)
		}
		return nil
	}, &list
}

// sameTwice holds that a file read again by its index is what it was.
func sameTwice(t *testing.T, v *events.Validator, file []byte, o events.LineOptions, x *events.Index) {
	t.Helper()
	o.Index = x
	each, first := collect()
	firstErr := v.CheckLines(t.Context(), iotest.HalfReader(bytes.NewReader(file)), o, each)
	each, second := collect()
	secondErr := v.RecallLines(t.Context(), bytes.NewReader(file), x, o, each)
	if !slices.Equal(*first, *second) {
		for i, a := range *first {
			if i >= len(*second) || a != (*second)[i] {
				t.Fatalf("line %d: checked\n%+v\nof %d, recalled of %d\n%+v", i, a, len(*first), len(*second), (*second)[min(i, len(*second)):min(i+1, len(*second))])
			}
		}
		t.Fatalf("%d lines, and %d when recalled", len(*first), len(*second))
	}
	if firstErr == nil && secondErr != nil {
		t.Fatal(secondErr)
	}
}

func TestRecallLines(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	event := func(data string) string {
		return `{"id":"0198c2a5-0000-7000-8000-000000000001","type":"tenant.deleted","source":"s","time":"2026-01-05T09:30:00Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t1","data":` + data + "}\n"
	}
	good := event(`{"id":"t1","mode":"soft","deletedAt":"2026-01-05T09:30:00Z"}`)
	escaped := event(`{"id":"t\u00e91\n","mode":"soft","deletedAt":"2026-01-05T09:30:00Z"}`)
	for name, file := range map[string][]byte{
		"all types":       mixed(t, 4000),
		"some are broken": mixed(t, 3000, 1, 1500, 3000),
		"no last newline": bytes.TrimSuffix(mixed(t, 5), []byte("\n")),
		"mark":            append([]byte("\xef\xbb\xbf"), mixed(t, 5)...),
		"empty lines":     []byte("\n\r\n" + good + "\n\n" + strings.TrimSuffix(good, "\n") + "\r\n  \n" + good + "\n"),
		"escapes":         []byte(escaped + good + escaped),
		"nothing":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameTwice(t, v, file, events.LineOptions{}, &events.Index{})
			sameTwice(t, v, file, events.LineOptions{Workers: 5}, &events.Index{MaxBytes: 30_000})
			sameTwice(t, v, file, events.LineOptions{Complete: func(line []byte) ([]byte, error) {
				return bytes.Replace(line, []byte("soft"), []byte("hard"), 1), nil
			}}, &events.Index{})
		})
	}
}

func TestRecallLinesOfAnotherFile(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	file := mixed(t, 3000)
	var x events.Index
	each, checked := collect()
	if err := v.CheckLines(t.Context(), bytes.NewReader(file), events.LineOptions{Index: &x}, each); err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(file)
	changed[len(file)/2] ^= 1
	for name, other := range map[string][]byte{"changed": changed, "cut": file[:len(file)/2], "gone": nil} {
		each, recalled := collect()
		if err := v.RecallLines(t.Context(), bytes.NewReader(other), &x, events.LineOptions{}, each); !errors.Is(err, events.ErrChanged) {
			t.Errorf("%s: error %v", name, err)
		}
		if n := len(*recalled); n > len(*checked)/2 || !slices.Equal(*recalled, (*checked)[:n]) {
			t.Errorf("%s: %d lines were delivered", name, n)
		}
	}
	// What was added since is nobody's yet.
	each, recalled := collect()
	if err := v.RecallLines(t.Context(), bytes.NewReader(append(file, mixed(t, 10)...)), &x, events.LineOptions{}, each); err != nil || len(*recalled) != 3000 {
		t.Errorf("%d lines of a file that has grown, error %v", len(*recalled), err)
	}
}
