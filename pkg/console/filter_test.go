package console_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	r := kafka.Record{
		Key: []byte("user-17"), Value: []byte(`{"amount":150,"tags":["a","b"],"id":9007199254740993}`),
		Headers: []kafka.Header{{Name: "trace", Value: []byte("abc")}, {Name: "trace"}, {Name: "empty", Value: []byte{}}},
	}
	none := kafka.Record{}
	for _, tt := range []struct {
		kind, text string
		full, null bool // whether r and a record of nulls match
	}{
		{"key", "user-*", true, false},
		{"key", "user-??", true, false},
		{"key", "user", false, false},
		{"key", "*", true, false},
		{"key", "user-[0-9]{7,8}", true, false},
		{"key", "user-[!a-z]7", true, false},
		{"key", `user\-17`, true, false},
		{"key", "USER-*", false, false},
		{"value", `*"amount":150*`, true, false},
		{"value", `\{"amount"`, false, false},
		{"header", "trace=a*", true, false},
		{"header", "tr*=abc", true, false},
		{"header", "trace", true, false},
		{"header", "trace=", false, false},
		{"header", "empty=", true, false},
		{"header", "other=*", false, false},
		{"grep", "k:^user-\\d+$", true, false},
		{"grep", "!k:^user", false, true},
		{"grep", "v:amount\":1[5]", true, false},
		{"grep", "h:trace=^ab", true, false},
		{"grep", "!h:trace=zz", true, true},
		{"grep", "h:trac=^ab", false, false},
		{"jq", ".amount > 100", true, false},
		{"jq", ".amount > 200", false, false},
		{"jq", ".missing", false, false},
		{"jq", ".tags[] == \"b\"", true, false},
		{"jq", ".id == 9007199254740993", true, false},
		{"jq", ".id == 9007199254740992", false, false},
		{"jq", ".tags.x", false, false},
		{"jq", "true", true, false},
	} {
		var f console.Filter
		add := map[string]func(string) error{"key": f.KeyGlob, "value": f.ValueGlob, "header": f.HeaderGlob, "grep": f.Grep, "jq": f.JQ}[tt.kind]
		if err := add(tt.text); err != nil {
			t.Errorf("%s %q: %v", tt.kind, tt.text, err)
			continue
		}
		if got := f.Match(t.Context(), &r); got != tt.full {
			t.Errorf("%s %q on the record: %v", tt.kind, tt.text, got)
		}
		if got := f.Match(t.Context(), &none); got != tt.null {
			t.Errorf("%s %q on nulls: %v", tt.kind, tt.text, got)
		}
	}
}

func TestFilterConditionsAllHold(t *testing.T) {
	t.Parallel()
	var f console.Filter
	if f.Any() || !f.Match(t.Context(), &kafka.Record{}) {
		t.Error("the zero filter does not want every record")
	}
	for _, err := range []error{f.KeyGlob("a*"), f.Grep("v:x"), f.JQ(".x")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !f.Match(t.Context(), &kafka.Record{Key: []byte("ab"), Value: []byte(`{"x":1}`)}) {
		t.Error("all hold, but no match")
	}
	for _, r := range []kafka.Record{
		{Key: []byte("b"), Value: []byte(`{"x":1}`)}, {Key: []byte("a"), Value: []byte(`{"y":1}`)}, {Key: []byte("a"), Value: []byte(`{"x":null}`)}, {Key: []byte("a"), Value: []byte(`{"x":1} {"x":1}`)},
	} {
		if f.Match(t.Context(), &r) {
			t.Errorf("matched %s %s", r.Key, r.Value)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	t.Parallel()
	var f console.Filter
	for text, err := range map[string]error{
		`glob "[a": no ] closes [`:      f.KeyGlob("[a"),
		`glob "{a": no } closes {`:      f.ValueGlob("{a"),
		`glob "[z-a]"`:                  f.HeaderGlob("[z-a]=x"),
		`grep "x:y": want k:RE, v:RE`:   f.Grep("x:y"),
		`grep "h:name": want k:RE`:      f.Grep("h:name"),
		`grep "k": want k:RE`:           f.Grep("k"),
		"missing closing ]":             f.Grep("v:[a"),
		`jq ".[": unexpected EOF`:       f.JQ(".["),
		`jq "$x": variable not defined`: f.JQ("$x"),
	} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %s", err, text)
		}
	}
}

func TestFilterEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var f console.Filter
	if err := f.JQ("def f: f; f"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done := make(chan bool, 1)
	go func() { done <- f.Match(ctx, &kafka.Record{Value: []byte("1")}) }()
	select {
	case got := <-done:
		if got {
			t.Error("an endless expression matched")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("an endless expression outlives its context")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("user-*", "user-1")
	f.Add(`{a,b}[!c-e]?\*`, "ax\x00")
	f.Add("[]^-]", "]")
	f.Fuzz(func(t *testing.T, glob, key string) {
		var filter console.Filter
		if filter.KeyGlob(glob) != nil {
			return
		}
		filter.Match(t.Context(), &kafka.Record{Key: []byte(key)})
		// A glob of nothing but literal characters matches itself alone.
		var literal console.Filter
		quoted := regexp.MustCompile(`[][{}*?,\\]`).ReplaceAllString(key, `\$0`)
		if err := literal.KeyGlob(quoted); err != nil {
			t.Fatalf("%q: %v", quoted, err)
		}
		if strings.ToValidUTF8(key, "") == key && !literal.Match(t.Context(), &kafka.Record{Key: []byte(key)}) {
			t.Fatalf("%q does not match %q", quoted, key)
		}
		if literal.Match(t.Context(), &kafka.Record{Key: []byte(key + "x")}) {
			t.Fatalf("%q matches more than itself", quoted)
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("!h:a=^x", ".a[] > 1", []byte(`{"a":[1,2]}`))
	f.Fuzz(func(t *testing.T, grep, jq string, value []byte) {
		if strings.Contains(jq, "repeat") || strings.Contains(jq, "def") || strings.Contains(jq, "range") || len(jq) > 30 {
			return // may be meant to run for ever
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var filter console.Filter
		if filter.Grep(grep) == nil {
			filter.Match(ctx, &kafka.Record{Key: value, Value: value, Headers: []kafka.Header{{Name: "a", Value: value}}})
		}
		if filter.JQ(jq) == nil {
			filter.Match(ctx, &kafka.Record{Value: value})
		}
	})
}
