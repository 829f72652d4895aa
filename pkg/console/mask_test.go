package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestMask(t *testing.T) {
	t.Parallel()
	mask, err := console.NewMask([]string{"/data/email", "/list/1", "/items/*/card", "/a~1b/~0c"})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		`{"data": {"email": "x@y", "n": 1.0}}`:        `{"data": {"email": "•••", "n": 1.0}}`,
		`{"data":{"email":{"a":[1,{"b":2}]}},"z":1}`:  `{"data":{"email":"•••"},"z":1}`,
		`{"data":{"\u0065mail":null}}`:                `{"data":{"\u0065mail":"•••"}}`,
		`{"data":{"email":"1","email":"2"}}`:          `{"data":{"email":"•••","email":"•••"}}`,
		`{"list":[0,1,2]}`:                            `{"list":[0,"•••",2]}`,
		`{"items":[{"card":1},{"x":2},{"card":"3"}]}`: `{"items":[{"card":"•••"},{"x":2},{"card":"•••"}]}`,
		`{"a/b":{"~c":true}}`:                         `{"a/b":{"~c":"•••"}}`,
		`{"data":"email","email":1}`:                  `{"data":"email","email":1}`,
		"\ufeff" + `{"data":{"email":"x"}}`:           `•••`,
		`{"data":{"email":"x"}`:                       `•••`,
		`[{"data":{"email":"x"}}] trailing`:           `•••`,
		`just text with email`:                        `just text with email`,
		` {"data":{"email":-1.5e3 , "s":"a\"b\\"} } `: ` {"data":{"email":"•••" , "s":"a\"b\\"} } `,
		``: ``,
	} {
		if got := string(mask.Apply([]byte(in))); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if _, err := console.NewMask([]string{"data"}); err == nil {
		t.Error("a pointer without a slash is taken")
	}
}

// What stands before a value, or around it, hides nothing less.
func TestMaskFindsTheEvent(t *testing.T) {
	t.Parallel()
	binary := []kafka.Header{{Name: "ce_specversion", Value: []byte("1.0")}, {Name: "ce_type", Value: []byte("tenant.created")}}
	for _, test := range []struct {
		pointer, value, want string
		headers              []kafka.Header
	}{
		{"/data/email", "\x00\x00\x00\x00\x07" + `{"data":{"email":"x"}}`, "\x00\x00\x00\x00\x07" + `{"data":{"email":"•••"}}`, nil},
		{"/data/email", "\x00\x00\x00\x00\x07" + `{"data":{"email":"x"`, "\x00\x00\x00\x00\x07•••", nil},
		{"/data/email", "\x00\x00\x00\x00\x07\x02x", "\x00\x00\x00\x00\x07\x02x", nil},
		{"/data/email", `{"email":"x","n":1}`, `{"email":"•••","n":1}`, binary},
		{"/data/email", `{"data":{"email":"x"}}`, `{"data":{"email":"•••"}}`, binary},
		{"/data/email", `{"email":"x"}`, `{"email":"x"}`, nil},
		{"/*/email", `{"email":"x"}`, `{"email":"•••"}`, binary},
		{"/data", `{"email":"x"}`, `•••`, binary},
		{"/data", ``, ``, binary},
		{"/id", `{"id":"x"}`, `{"id":"•••"}`, binary},
		{"/userId", `{"id":"x"}`, `{"id":"x"}`, binary},
	} {
		mask, err := console.NewMask([]string{test.pointer})
		if err != nil {
			t.Fatal(err)
		}
		r := kafka.Record{Value: []byte(test.value), Headers: test.headers}
		if got := string(mask.Value(&r)); got != test.want || string(r.Value) != test.value {
			t.Errorf("%s of %q: got %q, want %q", test.pointer, test.value, got, test.want)
		}
	}
}

func TestMaskHoldsInEveryFormat(t *testing.T) {
	t.Parallel()
	mask, err := console.NewMask([]string{"/secret"})
	if err != nil {
		t.Fatal(err)
	}
	r := kafka.Record{Topic: "t", Value: []byte(`{"secret":"hunter2"}`)}
	for _, text := range []string{"", "json", "jsonl", "raw", "hex", "table", "%v %s\n", "%v{hex}", "%v{base64}", "%v{base64raw}", "%v{json}", "%v{unpack[s]}"} {
		opts := console.PrintOptions{Mask: mask}
		if text != "" {
			if opts.Format, err = console.ParseFormat(text, console.Output); err != nil {
				t.Fatal(err)
			}
		}
		got := string(console.NewPrinter(opts).Append(nil, &r))
		plain := console.PrintOptions{Format: opts.Format}
		if got == string(console.NewPrinter(plain).Append(nil, &r)) || strings.Contains(got, "hunter2") {
			t.Errorf("%q shows %q", text, got)
		}
	}
	if string(r.Value) != `{"secret":"hunter2"}` {
		t.Errorf("the record itself was changed: %s", r.Value)
	}
}

// What is hidden is hidden where the record repeats it, too, and nothing else changes.
func TestMaskHidesWhatRepeatsAMember(t *testing.T) {
	t.Parallel()
	mask, err := console.NewMask([]string{"/data/email", "/data/ids"})
	if err != nil {
		t.Fatal(err)
	}
	header := func(name, value string) kafka.Header { return kafka.Header{Name: name, Value: []byte(value)} }
	r := kafka.Record{
		Key: []byte("bob@example.org"),
		Value: []byte(`{"data":{"email":"bob@example.org","ids":["a","long","longer",1234567],"bob@example.org":1},` +
			`"error":"\/data\/email: \"bob@example.org\" is \\bob@example.org","n":1234567}`),
		Headers: []kafka.Header{header("trace", "a"), header("dlq-error-message", `"bob@example.org" and longer, long, 1234567`), {Name: "null"}},
	}
	was := r
	was.Headers = slices.Clone(r.Headers)
	got := mask.Record(&r)
	want := kafka.Record{
		Key:     []byte("•••"),
		Value:   []byte(`{"data":{"email":"•••","ids":"•••","bob@example.org":1},"error":"/data/email: \"•••\" is \\•••","n":1234567}`),
		Headers: []kafka.Header{header("trace", "a"), header("dlq-error-message", `"•••" and •••, •••, •••`), {Name: "null"}},
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %s\nwant %s", text(got), text(&want))
	}
	if !reflect.DeepEqual(r, was) {
		t.Errorf("the record itself was changed: %s", text(&r))
	}
	if plain := (kafka.Record{Key: []byte("k"), Value: []byte("bob@example.org")}); !reflect.DeepEqual(*mask.Record(&plain), plain) {
		t.Error("a record without the member was changed")
	}
	none, err := console.NewMask(nil)
	if err != nil || none.Record(&r) != &r {
		t.Errorf("no mask makes another record, %v", err)
	}
}

func text(r *kafka.Record) string {
	return fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers)
}

func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"SECRET"},"c":[1,"SECRET"]}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		mask, err := console.NewMask([]string{"/a/b", "/c/*", "/*/x"})
		if err != nil {
			t.Fatal(err)
		}
		got := mask.Apply(value)
		r := mask.Record(&kafka.Record{Key: value, Value: value, Headers: []kafka.Header{{Name: "h", Value: value}}})
		if !json.Valid(value) {
			return
		}
		if !json.Valid(r.Value) {
			t.Fatalf("%q became %q", value, r.Value)
		}
		var v any
		read := json.NewDecoder(bytes.NewReader(got))
		read.UseNumber() // numbers beyond float64 are JSON too
		if err := read.Decode(&v); err != nil {
			t.Fatalf("%q became %q: %v", value, got, err)
		}
		if m, ok := v.(map[string]any); ok {
			if a, ok := m["a"].(map[string]any); ok {
				if b, there := a["b"]; there && b != "•••" {
					t.Fatalf("%q became %q", value, got)
				}
			}
		}
	})
}
