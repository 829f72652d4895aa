package regschema

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

func compiled(t *testing.T, s Source) *Compiled {
	t.Helper()
	c, err := Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	avroUser = `{"type":"record","name":"User","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"age","type":["null","int"],"default":null},{"name":"raw","type":"bytes"}]}`
	protoOrder = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Order { string order_id = 1; int64 amount = 2; google.protobuf.Timestamp at = 3; message Line { string sku = 1; } }
message Other { bool flag = 1; }`
	jsonUser = `{"type":"object","properties":{"id":{"type":"string"},"n":{"type":"integer"}},"required":["id"],"additionalProperties":false}`
)

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source     Source
		value      string
		out, bytes string // bytes "" is not looked at
	}{
		"json as it is":   {Source{Type: JSON, Text: jsonUser}, `{ "id" : "a" }`, `{ "id" : "a" }`, `{ "id" : "a" }`},
		"avro":            {Source{Type: Avro, Text: avroUser}, `{"id":"a","age":7,"raw":"\u00ff"}`, `{"id":"a","age":7,"raw":"\u00ff"}`, "\x02a\x02\x0e\x02\xff"},
		"avro null":       {Source{Type: Avro, Text: avroUser}, `{"id":"","age":null,"raw":""}`, `{"id":"","age":null,"raw":""}`, "\x00\x00\x00"},
		"avro big long":   {Source{Type: Avro, Text: `"long"`}, `9223372036854775807`, `9223372036854775807`, ""},
		"avro bare bytes": {Source{Type: Avro, Text: `"bytes"`}, `"ab"`, `"ab"`, "ab"},
		"protobuf":        {Source{Type: Protobuf, Text: protoOrder}, `{"order_id":"o1","amount":"9007199254740993"}`, `{"order_id":"o1","amount":"9007199254740993"}`, "\x0a\x02o1\x10\x81\x80\x80\x80\x80\x80\x80\x10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := compiled(t, c.source)
			payload, err := schema.Encode([]byte(c.value))
			if err != nil {
				t.Fatal(err)
			}
			if c.bytes != "" && string(payload) != c.bytes {
				t.Errorf("payload %q, want %q", payload, c.bytes)
			}
			out, err := schema.Decode(payload, []int{0})
			if err != nil || string(out) != c.out {
				t.Errorf("came back as %s, %v; want %s", out, err, c.out)
			}
		})
	}
}

// avroNested has unions of a record and of a map, whose values may stand under the
// branch's name.
const avroNested = `{"type":"record","name":"T","fields":[
	{"name":"list","type":{"type":"array","items":["null",{"type":"record","name":"R","fields":[{"name":"n","type":"int","default":0}]}]}},
	{"name":"opt","type":["null","R"],"default":null},
	{"name":"m","type":["null",{"type":"map","values":["null","long"]}],"default":null}]}`

func TestNothingIsLostInAvro(t *testing.T) {
	t.Parallel()
	schema := compiled(t, Source{Type: Avro, Text: avroNested})
	for _, value := range []string{
		`{"list":[]}`, `{"list":[null,{"n":1},{"R":{"n":1}},{"R":{}}]}`, `{"list":[],"opt":{"R":{"n":2}}}`, `{"list":[],"opt":{"n":2}}`,
		`{"list":[],"m":{"map":{"a":{"long":1},"b":null}}}`, `{"list":[],"m":{"a":1}}`, `{"list":[],"m":{}}`,
	} {
		if _, err := schema.Encode([]byte(value)); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	t.Parallel()
	avro, proto, js := Source{Type: Avro, Text: avroUser}, Source{Type: Protobuf, Text: protoOrder}, Source{Type: JSON, Text: jsonUser}
	nested := Source{Type: Avro, Text: avroNested}
	for name, c := range map[string]struct {
		source Source
		value  string
		want   string
	}{
		"json, wrong type":     {js, `{"id":1}`, "/id"},
		"json, two failures":   {js, `{"id":1,"n":"x"}`, "/n"},
		"json, not json":       {js, `{"id":`, ""},
		"json, a member twice": {js, `{"id":"a","id":"b"}`, ""},
		"avro, missing":        {avro, `{"age":1}`, "id"},
		"avro, no field":       {avro, `{"id":"a","aeg":7,"raw":""}`, "/aeg: no field"},
		"avro, no field below": {nested, `{"list":[{"R":{"n":1}},{"n":1,"m":2}]}`, "/list/1/m: no field"},
		"avro, no field alone": {nested, `{"list":[],"opt":{"x":1}}`, "/opt/x: no field"},
		"protobuf, no member":  {proto, `{"nothing":1}`, "nothing"},
		"protobuf, wrong type": {proto, `{"order_id":1}`, "string field"},
	} {
		if out, err := compiled(t, c.source).Encode([]byte(c.value)); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v; want ErrValue naming %q", name, out, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		source  Source
		payload string
		indexes []int
	}{
		"avro, cut short":          {avro, "\x02", nil},
		"avro, more than a value":  {avro, "\x02a\x00\x00more", nil},
		"protobuf, cut short":      {proto, "\x0a\x7f", []int{0}},
		"protobuf, no message":     {proto, "", []int{2}},
		"protobuf, no inner one":   {proto, "", []int{0, 1}},
		"protobuf, negative index": {proto, "", []int{-1}},
		"protobuf, no index":       {proto, "", nil},
	} {
		if out, err := compiled(t, c.source).Decode([]byte(c.payload), c.indexes); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %q, %v; want ErrValue", name, out, err)
		}
	}
	if out, err := compiled(t, proto).Decode([]byte("\x0a\x01s"), []int{0, 0}); err != nil || string(out) != `{"sku":"s"}` {
		t.Errorf("a message inside a message: %s, %v", out, err)
	}
}

// TestBombs holds that a few bytes cannot ask for much memory or time.
func TestBombs(t *testing.T) {
	t.Parallel()
	huge := binary.AppendVarint(nil, 1<<40)
	for name, c := range map[string]struct {
		source  Source
		payload []byte
	}{
		"string of a terabyte":        {Source{Type: Avro, Text: `"string"`}, huge},
		"array of a trillion strings": {Source{Type: Avro, Text: `{"type":"array","items":"string"}`}, huge},
		"array of a trillion nulls":   {Source{Type: Avro, Text: `{"type":"array","items":"null"}`}, append(huge, 0)},
		"a list without end": {Source{Type: Avro, Text: `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`},
			[]byte(strings.Repeat("\x02", 1<<20))},
		"messages in messages": {Source{Type: Protobuf, Text: `syntax="proto3"; message M { M m = 1; }`}, []byte(strings.Repeat("\x0a\x7f", 1<<19))},
	} {
		began := time.Now()
		out, err := compiled(t, c.source).Decode(c.payload, []int{0})
		if err == nil {
			t.Errorf("%s: %d bytes came out", name, len(out))
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	for name, s := range map[string]Source{
		"deep json":     {Type: JSON, Text: strings.Repeat(`{"items":`, 100_000)},
		"deep avro":     {Type: Avro, Text: strings.Repeat(`{"type":"array","items":`, 40_000) + `"int"` + strings.Repeat("}", 40_000)},
		"deep proto":    {Type: Protobuf, Text: `syntax="proto3";` + strings.Repeat("message M{", 50_000)},
		"remote ref":    {Type: JSON, Text: `{"$ref":"http://127.0.0.1:1/x.json"}`},
		"file ref":      {Type: JSON, Text: `{"$ref":"file:///etc/passwd"}`},
		"remote schema": {Type: JSON, Text: `{"$schema":"http://127.0.0.1:1/x.json"}`},
		"file import":   {Type: Protobuf, Text: `syntax="proto3"; import "/etc/passwd";`},
		"huge pattern":  {Type: JSON, Text: `{"pattern":"((a{1000}){1000}){1000}"}`},
		"too long":      {Type: JSON, Text: `{"x":"` + strings.Repeat("x", MaxText) + `"}`},
		"no type":       {Type: "XML", Text: "<a/>"},
	} {
		if err := Check(t.Context(), s); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source    Source
		good, bad string
	}{
		"json": {Source{Type: JSON, Text: `{"properties":{"a":{"$ref":"shop/id.json"}}}`,
			Imports: []Import{{"shop/id.json", `{"type":"string","maxLength":2}`}}}, `{"a":"ok"}`, `{"a":"long"}`},
		"json with an address": {Source{Type: JSON, Text: `{"$id":"https://x.example/a.json","properties":{"a":{"$ref":"b.json"}}}`,
			Imports: []Import{{"b.json", `{"type":"string"}`}}}, `{"a":"ok"}`, `{"a":1}`},
		"json, of two names the longer": {Source{Type: JSON, Text: `{"properties":{"a":{"$ref":"x/b.json"}}}`,
			Imports: []Import{{"b.json", `{"type":"number"}`}, {"x/b.json", `{"type":"string"}`}, {"/b.json", `{"type":"null"}`}}}, `{"a":"ok"}`, `{"a":1}`},
		"protobuf, of the schema's own file name": {Source{Type: Protobuf, Text: `syntax="proto3"; import "schema.proto"; message T { Id a = 1; }`,
			Imports: []Import{{"schema.proto", `syntax="proto3"; message Id { string v = 1; }`}}}, `{"a":{"v":"x"}}`, `{"a":{"v":1}}`},
		"avro": {Source{Type: Avro, Text: `{"type":"record","name":"T","namespace":"s","fields":[{"name":"a","type":"s.E"}]}`,
			Imports: []Import{{"s.E", `{"type":"enum","name":"E","namespace":"s","symbols":["X"]}`}}}, `{"a":"X"}`, `{"a":"Y"}`},
		"protobuf": {Source{Type: Protobuf, Text: `syntax="proto3"; import "id.proto"; message T { Id a = 1; }`,
			Imports: []Import{{"id.proto", `syntax="proto3"; message Id { string v = 1; }`}}}, `{"a":{"v":"x"}}`, `{"a":{"v":1}}`},
	} {
		schema := compiled(t, c.source)
		if _, err := schema.Encode([]byte(c.good)); err != nil {
			t.Errorf("%s: %s: %v", name, c.good, err)
		}
		if _, err := schema.Encode([]byte(c.bad)); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %s: %v, want ErrValue", name, c.bad, err)
		}
		c.source.Imports = nil
		if err := Check(t.Context(), c.source); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s without its import: %v, want ErrInvalid", name, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b   string
		sorted bool
		same   bool
	}{
		{`{"a":1,"b":2}`, "{ \"a\": 1,\n\"b\":2 }", false, true},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, false, false},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true, true},
		{`{"a":1}`, `{"a":1.0}`, true, false},
		{`{"a":"x y"}`, `{"a":"xy"}`, true, false},
	} {
		if got := Canonical(JSON, c.a, c.sorted) == Canonical(JSON, c.b, c.sorted); got != c.same {
			t.Errorf("%s and %s, sorted %v: same %v, want %v", c.a, c.b, c.sorted, got, c.same)
		}
	}
	if got := Canonical(Protobuf, "message  A {}", true); got != "message  A {}" {
		t.Errorf("Protobuf became %q", got)
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	record := func(fields string) Source {
		return Source{Type: Avro, Text: `{"type":"record","name":"R","fields":[` + fields + `]}`}
	}
	a, b := record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`)
	wide := record(`{"name":"a","type":"long"}`)
	js := Source{Type: JSON, Text: jsonUser}
	ref := Source{Type: JSON, Text: `{"$ref":"x"}`, Imports: []Import{{"x", `{}`}}}
	proto := Source{Type: Protobuf, Text: protoOrder}
	loop := Source{Type: JSON, Text: `{"properties":{"next":{"$ref":"#"}}}`}
	for name, c := range map[string]struct {
		mode      evolution.Mode
		old       []Source
		next      Source
		conflicts int
		judged    bool
	}{
		"avro, new field":                     {evolution.Backward, []Source{a}, b, 1, true},
		"avro, new field, forward":            {evolution.Forward, []Source{a}, b, 0, true},
		"avro, wider":                         {evolution.Backward, []Source{a}, wide, 0, true},
		"avro, wider, forward":                {evolution.Forward, []Source{a}, wide, 1, true},
		"avro, wider, full":                   {evolution.Full, []Source{a}, wide, 1, true},
		"avro, only the last counts":          {evolution.Backward, []Source{a, b}, b, 0, true},
		"avro, all count":                     {evolution.BackwardTransitive, []Source{a, b}, b, 1, true},
		"another type":                        {evolution.Backward, []Source{a}, js, 1, true},
		"another type, none":                  {evolution.None, []Source{a}, js, 0, true},
		"json with references":                {evolution.Backward, []Source{ref}, js, 0, false},
		"json with references, same":          {evolution.Backward, []Source{ref}, ref, 0, true},
		"json that refers to itself, first":   {evolution.Backward, nil, loop, 0, true},
		"json that refers to itself, changed": {evolution.Backward, []Source{js}, loop, 0, false},
		"protobuf, changed":                   {evolution.Backward, []Source{proto}, Source{Type: Protobuf, Text: protoOrder + " "}, 0, false},
		"protobuf, same":                      {evolution.Backward, []Source{proto}, proto, 0, true},
		"protobuf, first":                     {evolution.Backward, nil, proto, 0, true},
	} {
		got, err := Conflicts(t.Context(), c.mode, c.old, c.next)
		if len(got) != c.conflicts || errors.Is(err, ErrCannotJudge) == c.judged || c.judged && err != nil {
			t.Errorf("%s: %q, %v; want %d conflicts, judged %v", name, got, err, c.conflicts, c.judged)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{jsonUser, avroUser, protoOrder, `{"$ref":"#"}`, `{"type":["null",{"type":"enum","name":"a","symbols":[]}]}`} {
		for kind := range 3 {
			f.Add(kind, s, []byte(`{"id":"a"}`))
		}
	}
	f.Fuzz(func(t *testing.T, kind int, text string, value []byte) {
		c, err := Compile(t.Context(), Source{Type: Types()[max(kind, -kind-1)%3], Text: text})
		if err != nil {
			return
		}
		_, _ = c.Decode(value, []int{0})
		payload, err := c.Encode(value)
		if err != nil || c.Type() != JSON {
			return
		}
		if out, err := c.Decode(payload, nil); err != nil || string(out) != string(value) {
			t.Errorf("%q came back as %q, %v", value, out, err)
		}
	})
}
