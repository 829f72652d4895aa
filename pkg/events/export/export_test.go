package export_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
	"github.com/multi-tenant/manage-kafka/pkg/events/internal/eventgen"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

func catalogue(t *testing.T, own ...events.UserType) *events.Catalogue {
	t.Helper()
	c, err := events.NewCatalogue(own...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	want := map[string][]byte{}
	for _, d := range eventgen.Domains() {
		source, err := export.GoTypes(c, d, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want["../payload/"+d+"_gen.go"] = source
	}
	text, err := export.Write(c, export.Markdown, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want["../../../docs/events.md"] = text
	for file, source := range want {
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, source) {
			t.Errorf("%s is stale (%v): run go generate ./pkg/events", file, err)
		}
	}
}

func TestWriteIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	for _, f := range export.Formats() {
		first, err := export.Write(catalogue(t), f, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := export.Write(catalogue(t), f, export.Options{})
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s differs from one time to the next: %v", f, err)
		}
	}
	if _, err := export.Write(catalogue(t), "xml", export.Options{}); err == nil {
		t.Error("xml passes")
	}
}

// The bundle takes all examples, refuses each when a required member is gone,
// and refuses a type with another type's data.
func TestBundle(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	raw, err := export.Write(c, export.JSONSchema, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("mem:///bundle", doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("mem:///bundle")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range c.Types() {
		e, err := c.Example(typ.Name, 3)
		if err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if err := json.Unmarshal(e.Encode(), &event); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(event); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		event["data"] = map[string]any{"unknown": 1}
		if s.Validate(event) == nil {
			t.Errorf("%s: other data passes", typ.Name)
		}
	}
}

// Every example fits the Go type of its data and comes back as the same value.
func TestPayloadTypes(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for name, v := range map[string]any{
		events.TenantCreated: &payload.TenantCreated{}, events.TenantUpdated: &payload.TenantUpdated{},
		events.UserUpdated: &payload.UserUpdated{}, events.UserLoginFailed: &payload.UserLoginFailed{},
		events.UserMFAEnabled: &payload.UserMFAEnabled{}, events.BillingInvoiceCreated: &payload.BillingInvoiceCreated{},
		events.BillingSubscriptionRenewed: &payload.BillingSubscriptionRenewed{}, events.NotificationEmailRequested: &payload.NotificationEmailRequested{},
		events.FileUploaded: &payload.FileUploaded{}, events.AnalyticsMetricUpdated: &payload.AnalyticsMetricUpdated{},
		events.AnalyticsUserActivityRecorded: &payload.AnalyticsUserActivityRecorded{},
	} {
		for seed := range uint64(20) {
			e, err := c.Example(name, seed)
			if err != nil {
				t.Fatal(err)
			}
			fresh := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			d := json.NewDecoder(bytes.NewReader(e.Data))
			d.DisallowUnknownFields()
			if err := d.Decode(fresh); err != nil {
				t.Fatalf("%s: %v: %s", name, err, e.Data)
			}
			again, err := events.New(name, "test", fresh, events.Options{TenantID: "t"})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Validate(again); err != nil {
				t.Fatalf("%s comes back as %s: %v", e.Data, again.Data, err)
			}
		}
	}
}

// Schemas that refer to others' files stand for themselves where they are written.
func TestReferencesToOtherFiles(t *testing.T) {
	t.Parallel()
	c := catalogue(t,
		events.UserType{Name: "own.made", File: "made.json", Schema: []byte(`{"$id":"https://example.com/made","type":"object","properties":{
			"a":{"$ref":"own:///common.json#/definitions/a"},"b":{"$ref":"https://example.com/deep#/$defs/x~1y"},"c":{"$ref":"#/$defs/c"},"d":{"$ref":"own:///deep.json"}},
			"$defs":{"c":{"type":"boolean"},"deep.json":{"type":"null"}},"additionalProperties":false}`)},
		events.UserType{Name: "own.common", File: "common.json", Schema: []byte(`{"definitions":{"a":{"items":{"$ref":"#/definitions/b"}},"b":{"$ref":"deep.json#/$defs/x~1y"}}}`)},
		events.UserType{Name: "own.deep", File: "deep.json", Schema: []byte(`{"$id":"https://example.com/deep","$defs":{"x/y":{"type":"integer","enum":[1,{"$ref":"#/stays"}]}},"minProperties":1}`)})
	raw, err := export.Write(c, export.JSONSchema, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:///bundle", doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("mem:///bundle")
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]bool{`{"a":[1],"b":1,"c":true,"d":{"x":1}}`: true, `{"a":["x"]}`: false, `{"b":2}`: false, `{"c":1}`: false, `{"d":{}}`: false} {
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"id":"1","type":"own.made","source":"s","time":"2026-01-01T00:00:00Z","dataVersion":"1.0","dataContentType":"application/json","data":` + data + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(event); (err == nil) != want {
			t.Errorf("%s: %v", data, err)
		}
	}
	raw, err = export.Write(c, export.AsyncAPI, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compiler = jsonschema.NewCompiler()
	if doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err == nil {
		err = compiler.AddResource("mem:///async", doc)
	}
	if err == nil {
		_, err = compiler.Compile("mem:///async#/components/schemas/own.made")
	}
	if err != nil {
		t.Error(err)
	}
}

// Types and domains whose names fall together in TypeScript stay apart.
func TestTypeScriptNamesAreUnique(t *testing.T) {
	t.Parallel()
	var own []events.UserType
	for _, name := range []string{"own.made_op", "own.made.op", "own_made.op", "own_made.x", "base.a", "any.a", "event.a"} {
		own = append(own, events.UserType{Name: name, Schema: []byte(`{"type":"object"}`)})
	}
	text, err := export.Write(catalogue(t, own...), export.TypeScript, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{`(?m)^export const (\w+)`, `(?m)^export (?:type|interface) (\w+)`} {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(form).FindAllSubmatch(text, -1) {
			if name := string(m[1]); seen[name] {
				t.Errorf("%s twice", name)
			} else {
				seen[name] = true
			}
		}
	}
	for _, block := range regexp.MustCompile(`(?s)export const (\w+) = \{(.*?)\n\}`).FindAllSubmatch(text, -1) {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^  (\S+):`).FindAllSubmatch(block[2], -1) {
			if name := string(m[1]); seen[name] {
				t.Errorf("%s.%s twice", block[1], name)
			} else {
				seen[name] = true
			}
		}
	}
}

// Topics whose names differ in signs or case alone are channels of their own.
func TestChannelsOfLikeTopics(t *testing.T) {
	t.Parallel()
	topics := []string{"a.b", "aB", "AB", "a..b", "a-b"}
	var own []events.UserType
	for i, topic := range topics {
		own = append(own, events.UserType{Name: fmt.Sprintf("own.t%d", i), Topic: topic, Schema: []byte(`{"type":"object"}`)})
	}
	raw, err := export.Write(catalogue(t, own...), export.AsyncAPI, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Channels   map[string]struct{ Address string }
		Operations map[string]struct {
			Action  string
			Channel struct {
				Ref string `json:"$ref"`
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, op := range doc.Operations {
		seen[doc.Channels[strings.TrimPrefix(op.Channel.Ref, "#/channels/")].Address+" "+op.Action]++
	}
	for _, topic := range topics {
		if seen[topic+" send"] != 1 || seen[topic+" receive"] != 1 {
			t.Errorf("%s: %v", topic, seen)
		}
	}
}

func TestOwnTypesInEveryFormat(t *testing.T) {
	t.Parallel()
	c := catalogue(t,
		events.UserType{Name: "order.made", Key: "/data/id", Schema: []byte(`{"description":"One */ | two.","type":"object","properties":{"id":{"type":"string"},"a-b":{"enum":["it's",1,null]},"1x":{"oneOf":[{"type":"null"}]}},"required":["id"]}`)},
		events.UserType{Name: "order.made", Key: "/data/id", Version: "2.0", Schema: []byte(`{"type":"object","properties":{"lines":{"type":"array","items":{"$ref":"#/definitions/line"}}},"definitions":{"line":{"type":"object","properties":{"n":{"type":"integer"}}}}}`)})
	for f, want := range map[export.Format][]string{
		export.TypeScript: {`MADE: 'order.made'`, `export interface OrderMadeV1Data {`, `"a-b"?: "it's" | 1 | null;`, `"1x"?: unknown;`, `/** One * / | two. */`},
		export.Go:         {"type OrderMadeV1 struct", "X1x", `json:"a-b,omitempty"`, "Lines []OrderMadeLine `json:\"lines,omitempty\"`"},
		export.AsyncAPI:   {`"#/components/schemas/order.made/definitions/line"`, `"order.made.v1"`},
		export.JSONSchema: {`"urn:multi-tenant:event:order.made:1"`, `"urn:multi-tenant:event:order.made:2"`},
		export.Markdown:   {"### order.made.v1", "One */ | two."},
	} {
		got, err := export.Write(c, f, export.Options{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
		for _, w := range want {
			if !strings.Contains(strings.ReplaceAll(string(got), `'1x'`, `"1x"`), w) && !strings.Contains(strings.ReplaceAll(string(got), "'a-b'", `"a-b"`), w) {
				t.Errorf("%s: lacks %s", f, w)
			}
		}
	}
}
