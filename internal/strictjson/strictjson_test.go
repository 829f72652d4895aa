package strictjson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	many := func(dup string) string {
		var b strings.Builder
		for i := range 40 {
			b.WriteString(`"k` + strconv.Itoa(i) + `":1,`)
		}
		return `{` + b.String() + `"` + dup + `":2}`
	}
	for name, c := range map[string]struct{ in, reason string }{
		"empty":             {``, "ends where"},
		"trailing data":     {`{} {}`, "data after"},
		"duplicate":         {`{"a":1,"b":2,"a":3}`, `duplicate member "a"`},
		"escaped duplicate": {`{"a":1,"\u0061":3}`, `duplicate member "a"`},
		"nested duplicate":  {`{"x":[{"a":1,"a":1}]}`, `duplicate member "a"`},
		"duplicate in many": {many("k1"), `duplicate member "k1"`},
		"invalid UTF-8":     {"{\"a\":\"\xff\"}", "invalid UTF-8"},
		"invalid UTF-8 key": {"{\"\xc3\x28\":1}", "invalid UTF-8"},
		"lone surrogate":    {`"\ud800"`, "invalid escape"},
		"low surrogate":     {`"\udc00\ud800"`, "invalid escape"},
		"control character": {"\"a\nb\"", "control character"},
		"unknown escape":    {`"\x"`, "invalid escape"},
		"leading zero":      {`01`, "leading zero"},
		"bare point":        {`1.`, "after the point"},
		"bare minus":        {`-`, "minus sign"},
		"huge exponent":     {`1e1000`, "exponent"},
		"endless number":    {strings.Repeat("9", 300), "more than 256"},
		"depth bomb":        {strings.Repeat("[", 100_000), "nested deeper"},
		"object bomb":       {strings.Repeat(`{"a":`, 100_000), "nested deeper"},
		"comma at the end":  {`[1,]`, "where a value is expected"},
		"no quotes":         {`{a:1}`, "member name"},
		"open string":       {`"abc`, "inside a string"},
		"literal":           {`tru`, "a value is expected"},
		"not a number":      {`NaN`, "a value is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := strictjson.Decode([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Fatalf("got %v, want an error with %q", err, c.reason)
			}
			if strictjson.Check([]byte(c.in)) == nil {
				t.Fatal("Check lets it pass")
			}
		})
	}
}

func TestDecodeKeepsDigits(t *testing.T) {
	t.Parallel()
	v, err := strictjson.Decode([]byte(` {"n":9007199254740993,"f":1.10,"s":"\ud83d\ude00\u00e9é\n"} `))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"n": json.Number("9007199254740993"), "f": json.Number("1.10"), "s": "😀éé\n"}
	if !reflect.DeepEqual(v, want) {
		t.Fatalf("got %#v", v)
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                   `""`,
		"plain":              `"plain"`,
		"é😀":                 `"é😀"`,
		"\"\\/":              `"\"\\/"`,
		"\n\r\t\b\x00\x1f":   `"\n\r\t\u0008\u0000\u001f"`,
		"a\xffb\xf0\x9f\x98": "\"a\ufffdb\ufffd\ufffd\ufffd\"",
		"\ufffd\x7f\u2028":   "\"\ufffd\x7f\u2028\"",
	} {
		if got := string(strictjson.AppendString([]byte("x"), s)); got != "x"+want {
			t.Errorf("%q became %s, want %s", s, got, want)
		}
	}
}

// FuzzDecode holds two things: what passes here is read by encoding/json as the
// same value, and what encoding/json refuses is refused here.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9",null,true,{}]}`, `"\ud83d\ude00"`, `[[]]`, `-0`, `{"a":1,"a":2}`, "\"\xff\"", `1e99`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := strictjson.Decode(data)
		if check := strictjson.Check(data); (check == nil) != (err == nil) {
			t.Fatalf("Check: %v, Decode: %v", check, err)
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err != nil {
			return
		}
		if e := d.Decode(&want); e != nil {
			t.Fatalf("passes here, encoding/json says %v", e)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, encoding/json %#v", got, want)
		}
		for _, v := range []any{got} {
			if s, ok := v.(string); ok {
				if back, err := strictjson.Decode(strictjson.AppendString(nil, s)); err != nil || back != s {
					t.Fatalf("%q comes back as %v, %v", s, back, err)
				}
			}
		}
	})
}
