package events_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// A mutation breaks one rule of the schema at one place of the data.
type mutation struct {
	rule string
	// path leads to the value; the failure must be reported there, or at member
	// of it.
	path   []string
	member string
	apply  func(value any) any
}

// gone, as the result of a mutation, removes the member.
type gone struct{}

// TestMutations breaks every rule of all 35 schemas, one at a time, in an
// example that has the member, and wants each refused with its pointer.
func TestMutations(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	v := c.Validator(events.ValidatorOptions{})
	total := 0
	for _, typ := range c.Types() {
		raw, err := c.Schema(typ.Name, 0)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		list := mutations(schema, nil)
		total += len(list)
		for _, m := range list {
			name := typ.Name + "/" + strings.Join(m.path, ".") + "/" + m.rule
			e, data, ok := exampleWith(t, c, typ.Name, m.path)
			if !ok {
				t.Errorf("%s: no example of 200 has that member", name)
				continue
			}
			pointer := pointerTo(data, m.path) + m.member
			e.Data = change(data, m.path, m.apply)
			err := v.Check(e.Encode())
			var inv *events.InvalidError
			if !errors.As(err, &inv) {
				t.Errorf("%s: %s passes: %v", name, e.Data, err)
				continue
			}
			if !slices.ContainsFunc(inv.Failures, func(f events.Failure) bool { return f.Pointer == pointer }) {
				t.Errorf("%s: want %s, got %v", name, pointer, err)
			}
			if _, err := c.Record(e); err == nil {
				t.Errorf("%s: gets a record", name)
			}
		}
	}
	if total < 1000 {
		t.Errorf("only %d mutations: has the walk lost its way?", total)
	}
}

func exampleWith(t *testing.T, c *events.Catalogue, name string, path []string) (events.Event, any, bool) {
	for seed := range uint64(200) {
		e, err := c.Example(name, seed)
		if err != nil {
			t.Fatal(err)
		}
		var data any
		if err := e.Decode(&data); err != nil {
			t.Fatal(err)
		}
		if holds(data, path) {
			return e, data, true
		}
	}
	return events.Event{}, nil, false
}

// holds reports whether path leads somewhere; "*" is any member and "0" the
// first item.
func holds(v any, path []string) bool {
	for _, token := range path {
		switch in := v.(type) {
		case map[string]any:
			key := resolve(in, token)
			sub, ok := in[key]
			if !ok {
				return false
			}
			v = sub
		case []any:
			if len(in) == 0 {
				return false
			}
			v = in[0]
		default:
			return false
		}
	}
	return true
}

func resolve(in map[string]any, token string) string {
	if token == "*" && len(in) > 0 {
		return slices.Min(slices.Collect(maps.Keys(in)))
	}
	return token
}

func change(v any, path []string, apply func(any) any) json.RawMessage {
	raw, _ := json.Marshal(changed(v, path, apply))
	return raw
}

func changed(v any, path []string, apply func(any) any) any {
	if len(path) == 0 {
		return apply(v)
	}
	switch in := v.(type) {
	case map[string]any:
		out, key := maps.Clone(in), resolve(in, path[0])
		out[key] = changed(in[key], path[1:], apply)
		if _, remove := out[key].(gone); remove {
			delete(out, key)
		}
		return out
	case []any:
		out := slices.Clone(in)
		out[0] = changed(in[0], path[1:], apply)
		return out
	}
	return v
}

// pointerTo puts the names that "*" stands for into path.
func pointerTo(v any, path []string) string {
	pointer := "/data"
	for _, token := range path {
		switch in := v.(type) {
		case map[string]any:
			token = resolve(in, token)
			v = in[token]
		case []any:
			v = in[0]
		}
		pointer += "/" + token
	}
	return pointer
}

func mutations(schema map[string]any, path []string) []mutation {
	var list []mutation
	add := func(rule string, apply func(any) any) {
		list = append(list, mutation{rule, path, "", apply})
	}
	constant := func(v any) func(any) any { return func(any) any { return v } }
	if _, typed := schema["type"]; typed {
		if _, several := schema["type"].([]any); several {
			add("type", constant([]any{}))
		} else if schema["type"] == "string" {
			add("type", constant(7))
		} else {
			add("type", constant("text"))
		}
		if !strings.Contains(fmt.Sprint(schema["type"]), "null") {
			add("null", constant(nil))
		}
	}
	if schema["type"] == "integer" {
		add("fraction", constant(1.5))
	}
	if schema["enum"] != nil {
		add("enum", constant("no such value"))
		add("enum case", func(v any) any { return strings.ToUpper(fmt.Sprint(v)) })
	}
	if schema["format"] != nil {
		add("format", constant("nope"))
		add("format, empty", constant(""))
	}
	if schema["format"] == "date-time" {
		add("format, no such day", constant("2026-02-30T00:00:00Z"))
		add("pattern, not in UTC", constant("2026-02-03T00:00:00+02:00"))
	}
	if schema["format"] == "email" {
		add("format, spaces", constant("a b@example.com"))
		add("format, host", constant("a@-.example"))
	}
	if schema["pattern"] != nil {
		add("pattern", constant("! not this"))
		add("pattern, line end", func(v any) any { return fmt.Sprint(v) + "\n" })
	}
	if n, ok := schema["minLength"].(float64); ok && n > 0 {
		add("minLength", constant(strings.Repeat("a", int(n)-1)))
	}
	if n, ok := schema["maxLength"].(float64); ok && schema["format"] == nil {
		add("maxLength", constant(strings.Repeat("ä", int(n)+1)))
	}
	if n, ok := schema["minimum"].(float64); ok {
		add("minimum", constant(n-1))
		add("minimum, huge", constant(json.RawMessage("-123456789012345678901234567890")))
	}
	if schema["minItems"] != nil {
		add("minItems", constant([]any{}))
	}
	if schema["uniqueItems"] == true {
		add("uniqueItems", constant([]any{"twice", "twice"}))
	}
	if n, ok := schema["maxProperties"].(float64); ok {
		add("maxProperties", func(any) any {
			many := map[string]any{}
			for i := range int(n) + 1 {
				many[fmt.Sprint("k", i)] = "v"
			}
			return many
		})
	}
	return append(list, deeper(schema, path)...)
}

func deeper(schema map[string]any, path []string) []mutation {
	var list []mutation
	if schema["additionalProperties"] == false {
		list = append(list, mutation{"unknown member", path, "/unknown~1member", func(v any) any {
			with := maps.Clone(v.(map[string]any))
			with["unknown/member"] = 1
			return with
		}})
	}
	required, _ := schema["required"].([]any)
	for _, r := range required {
		member := slices.Concat(path, []string{r.(string)})
		list = append(list, mutation{"required", member, "", func(any) any { return gone{} }})
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, sub := range properties {
		if sub, ok := sub.(map[string]any); ok && len(sub) > 0 {
			list = append(list, mutations(sub, slices.Concat(path, []string{name}))...)
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		list = append(list, mutations(items, slices.Concat(path, []string{"0"}))...)
	}
	if sub, ok := schema["additionalProperties"].(map[string]any); ok {
		list = append(list, mutations(sub, slices.Concat(path, []string{"*"}))...)
	}
	if alternatives, ok := schema["anyOf"].([]any); ok {
		for _, a := range alternatives {
			if f := a.(map[string]any)["format"]; f != nil {
				list = append(list, mutation{"format", path, "", func(any) any { return "nope" }})
			}
		}
	}
	return list
}

func TestAlternatives(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	renewed := `"subscriptionId":"s","packageId":"p","periodStart":"2026-01-01T00:00:00Z","periodEnd":"2026-02-01T00:00:00Z"`
	for _, x := range []struct{ name, data, want string }{
		{"notification.email_requested", `{"notificationId":"n","templateId":"t"}`, `/data: must have "recipientUserId" or "recipientEmail"`},
		{"notification.email_requested", `{"notificationId":"n","templateId":"t","recipientEmail":"a@b.example"}`, ``},
		{"notification.email_requested", `{"notificationId":"n","templateId":"t","recipientEmail":"nope"}`, `/data/recipientEmail: "nope" is not a valid email`},
		{"billing.subscription_renewed", `{` + renewed + `}`, ``},
		{"billing.subscription_renewed", `{` + renewed + `,"amount":1,"currency":"EUR"}`, ``},
		{"billing.subscription_renewed", `{` + renewed + `,"amount":1}`, `/data: must have "currency" or no "amount"`},
		{"billing.subscription_renewed", `{` + renewed + `,"currency":"EUR"}`, `/data: must have "amount" or no "currency"`},
		{"user.login_succeeded", `{"id":"u","method":"sso","loginAt":"2026-01-01T00:00:00Z","ipAddress":"256.1.1.1"}`, `/data/ipAddress: "256.1.1.1" is not a valid ipv4 or ipv6`},
		{"user.login_succeeded", `{"id":"u","method":"sso","loginAt":"2026-01-01T00:00:00Z","ipAddress":"::ffff:192.0.2.1"}`, ``},
		{"notification.in_app_created", `{"notificationId":"n","recipientUserId":"u","category":"c","title":"t","actionUrl":"//evil.example"}`,
			`/data/actionUrl: "//evil.example" does not match ^/([!-.0-\[\]-~][!-\[\]-~]*)?$`},
		{"tenant.activated", `{"id":"t","activatedAt":"2026-01-01T00:00:00+01:00"}`, `/data/activatedAt: "2026-01-01T00:00:00+01:00" is not in UTC: it must end in Z`},
		{"file.downloaded", `{"fileId":"f","downloadedBy":"u","downloadedAt":"2026-01-01T00:00:00Z","bytes":12345678901234567890123}`, ``},
		{"file.downloaded", `{"fileId":"f","downloadedBy":"u","downloadedAt":"2026-01-01T00:00:00Z","bytes":3.0}`, ``},
		{"file.downloaded", `{"bytes":-1,"x":true,"fileId":7}`,
			"/data/bytes: -1 is less than 0\n/data/downloadedAt: is required\n/data/downloadedBy: is required\n/data/fileId: must be string, not number\n/data/x: is not a member that the schema knows"},
	} {
		e, err := events.New(x.name, "test", json.RawMessage(x.data), events.Options{TenantID: "t"})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.Validate(e); err != nil {
			got = err.Error()
		}
		if got != x.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", x.name, x.data, got, x.want)
		}
		// the verdict does not depend on where type stands
		var reordered map[string]json.RawMessage
		if err := json.Unmarshal(e.Encode(), &reordered); err != nil {
			t.Fatal(err)
		}
		sorted, err := json.Marshal(reordered)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validator(events.ValidatorOptions{}).Check(sorted); (err == nil) != (x.want == "") {
			t.Errorf("%s with data first: %v", x.name, err)
		}
	}
}
