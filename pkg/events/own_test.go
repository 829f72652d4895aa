package events_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func order(version, schema string) events.UserType {
	return events.UserType{Name: "order.made", Topic: "shop.orders", Key: "/data/customer/id", Version: version, Schema: []byte(schema), File: "order-" + version + ".json"}
}

func TestOwnTypes(t *testing.T) {
	t.Parallel()
	c := catalogue(t, order("1.2", `{"type":"object","properties":{"customer":{"$ref":"common.json#/definitions/customer"},"total":{"oneOf":[{"type":"integer"},{"type":"null"}]}},"required":["customer"],"additionalProperties":false}`),
		events.UserType{Name: "order.common", File: "common.json", Schema: []byte(`{"definitions":{"customer":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}}}`)})
	typ, err := c.Lookup("order.made")
	if err != nil || typ.Topic != "shop.orders" || typ.Version != "1.2" || typ.BuiltIn || len(c.Types()) != 37 {
		t.Fatalf("%+v, %v, %d types", typ, err, len(c.Types()))
	}
	send := func(data string) (events.Record, error) {
		e, err := events.New("order.made", "shop", json.RawMessage(data), events.Options{DataVersion: "1.2", TenantID: "t"})
		if err != nil {
			t.Fatal(err)
		}
		return c.Record(e)
	}
	r, err := send(`{"customer":{"id":"c7"},"total":12}`)
	if err != nil || r.Topic != "shop.orders" || string(r.Key) != "c7" {
		t.Fatalf("%s %s, %v", r.Topic, r.Key, err)
	}
	_, err = send(`{"customer":{"id":7},"total":"x","more":1}`)
	want := "/data/customer/id: must be string, not number\n/data/more: is not a member that the schema knows\n/data/total: must be integer, not string\n/data/total: must be null, not string"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := c.Example("order.common", 1); err != nil {
		t.Errorf("an example: %v", err)
	}
}

// Types that have the same data may name the same file.
func TestOwnTypesShareASchema(t *testing.T) {
	t.Parallel()
	made := order("1.0", `{"$id":"https://example.com/order","type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`)
	placed, other := made, made
	placed.Name = "order.placed"
	c := catalogue(t, made, placed)
	for _, name := range []string{"order.made", "order.placed"} {
		e, err := events.New(name, "shop", json.RawMessage(`{"n":"x"}`), events.Options{TenantID: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Record(e); err == nil || !strings.Contains(err.Error(), "/data/n: must be integer") {
			t.Errorf("%s: %v", name, err)
		}
	}
	other.Name, other.Schema = "order.other", []byte(`{"type":"object"}`)
	if _, err := events.NewCatalogue(made, other); err == nil || !strings.Contains(err.Error(), "there are two of that name") {
		t.Errorf("two files of one name: %v", err)
	}
}

func TestOwnTypesAreRefused(t *testing.T) {
	t.Parallel()
	var doubling strings.Builder
	doubling.WriteString(`{"$ref":"#/$defs/d0","$defs":{"d40":{}`)
	for i := range 40 {
		fmt.Fprintf(&doubling, `,"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	doubling.WriteString("}}")
	with := func(change func(*events.UserType)) events.UserType {
		u := order("1.0", `{}`)
		change(&u)
		return u
	}
	schema := func(s string) events.UserType { return with(func(u *events.UserType) { u.Schema = []byte(s) }) }
	for name, c := range map[string]struct {
		own  []events.UserType
		want string
	}{
		"built-in name":     {[]events.UserType{with(func(u *events.UserType) { u.Name = events.TenantCreated })}, "is a built-in type"},
		"name":              {[]events.UserType{with(func(u *events.UserType) { u.Name = "Order Made" })}, "lower-case words"},
		"no domain":         {[]events.UserType{with(func(u *events.UserType) { u.Name = "order" })}, "must begin with its domain"},
		"topic":             {[]events.UserType{with(func(u *events.UserType) { u.Topic = "a b" })}, "topic \"a b\": must be"},
		"key":               {[]events.UserType{with(func(u *events.UserType) { u.Key = "data.id" })}, "no JSON pointer"},
		"version":           {[]events.UserType{with(func(u *events.UserType) { u.Version = "1" })}, "not MAJOR.MINOR"},
		"twice":             {[]events.UserType{order("1.0", `{}`), order("1.1", `{}`)}, "major version 1 is there twice"},
		"two topics":        {[]events.UserType{order("1.0", `{}`), with(func(u *events.UserType) { u.Version, u.Topic, u.File = "2.0", "x", "y" })}, "differ in topic or key"},
		"no schema":         {[]events.UserType{schema(``)}, "the text ends"},
		"no JSON":           {[]events.UserType{schema(`{`)}, "order-1.0.json"},
		"no valid schema":   {[]events.UserType{schema(`{"type":"text"}`)}, "metaschema"},
		"remote reference":  {[]events.UserType{schema(`{"$ref":"https://example.com/x.json"}`)}, "nothing else is read"},
		"file reference":    {[]events.UserType{schema(`{"$ref":"file:///etc/passwd"}`)}, "nothing else is read"},
		"relative file":     {[]events.UserType{schema(`{"$ref":"../../etc/passwd"}`)}, "nothing else is read"},
		"reference by id":   {[]events.UserType{schema(`{"$id":"https://example.com/a/","$ref":"b"}`)}, "nothing else is read"},
		"own metaschema":    {[]events.UserType{schema(`{"$schema":"https://example.com/meta"}`)}, "only draft-07 and 2020-12"},
		"loop":              {[]events.UserType{schema(`{"allOf":[{"$ref":"#"}]}`)}, "leads back to itself"},
		"long loop":         {[]events.UserType{schema(`{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"$ref":"#/$defs/a"}}}`)}, "leads back to itself"},
		"loop by name":      {[]events.UserType{schema(`{"patternProperties":{"default":{"$ref":"#"}}}`)}, "leads back to itself"},
		"dynamic reference": {[]events.UserType{schema(`{"$dynamicRef":"#x"}`)}, "$dynamicRef is not taken"},
		"nested id":         {[]events.UserType{schema(`{"items":{"$id":"https://example.com/"}}`)}, "$id is taken at the top only"},
		"doubling":          {[]events.UserType{schema(doubling.String())}, "more than 20000 parts"},
		"many parts":        {[]events.UserType{schema(`{"enum":[],"allOf":[` + strings.Repeat(`{},`, 6000) + `{}]}`)}, "more than 5000 parts"},
		"large":             {[]events.UserType{schema(`{"title":"` + strings.Repeat("x", 300_000) + `"}`)}, "too large"},
		"deep":              {[]events.UserType{schema(strings.Repeat(`{"items":`, 1000) + `{}` + strings.Repeat(`}`, 1000))}, "nested deeper"},
		"long pattern":      {[]events.UserType{schema(`{"pattern":"` + strings.Repeat("(a|b)*", 400) + `"}`)}, "too large"},
		"heavy pattern":     {[]events.UserType{schema(`{"pattern":"((a{900}){900}){900}"}`)}, "regex"},
		"pattern as name":   {[]events.UserType{schema(`{"patternProperties":{"` + strings.Repeat("a", 2000) + `":{}}}`)}, "too large"},
		"huge number":       {[]events.UserType{schema(`{"maximum":1e999999999}`)}, "exponent"},
		"missing pointer":   {[]events.UserType{schema(`{"$ref":"#/$defs/none"}`)}, "points at nothing"},
		"anchor":            {[]events.UserType{schema(`{"$ref":"#name"}`)}, "only JSON pointers"},
	} {
		start := time.Now()
		_, err := events.NewCatalogue(c.own...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.300v, want %q", name, err, c.want)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
}

// A consumer takes what a producer may send, however its schema closes objects.
func TestConsumersTakeWhatProducersSend(t *testing.T) {
	t.Parallel()
	one := `{"properties":{"a":{"type":"integer"}},"additionalProperties":false}`
	other := `{"properties":{"b":{"type":"integer"}},"additionalProperties":false}`
	for _, schema := range []string{`{"oneOf":[` + one + `,` + other + `]}`, `{"not":` + other + `}`, `{"if":` + other + `,"then":{"required":["b"]}}`} {
		c := catalogue(t, order("1.0", schema))
		check := func(view events.View, data string) error {
			e, err := events.New("order.made", "shop", json.RawMessage(data), events.Options{TenantID: "t"})
			if err != nil {
				t.Fatal(err)
			}
			return c.Validator(events.ValidatorOptions{View: view}).Check(e.Encode())
		}
		for _, view := range []events.View{events.Closed, events.Open} {
			if err := check(view, `{"a":1}`); err != nil {
				t.Errorf("%s, view %d: %v", schema, view, err)
			}
		}
	}
}

func TestAlternativesThatAreNone(t *testing.T) {
	t.Parallel()
	c := catalogue(t, order("1.0", `{"anyOf":[false,{"required":["a"]}]}`))
	e, err := events.New("order.made", "shop", json.RawMessage(`{}`), events.Options{TenantID: "t"})
	if err != nil {
		t.Fatal(err)
	}
	want := "/data: fits none of the alternatives: /data: is not allowed here; or /data/a: is required"
	if err := c.Validate(e); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestUpcast(t *testing.T) {
	t.Parallel()
	c := catalogue(t,
		order("1.0", `{"type":"object","properties":{"sum":{"type":"integer"}},"additionalProperties":false}`),
		order("2.3", `{"type":"object","properties":{"amount":{"type":"integer"}},"required":["amount"],"additionalProperties":false}`),
		order("3.0", `{"type":"object","properties":{"amount":{"type":"integer"},"currency":{"type":"string"}},"required":["amount","currency"]}`))
	made := func(version, data string) events.Event {
		e, err := events.New("order.made", "shop", json.RawMessage(data), events.Options{DataVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	old := made("1.4", `{"sum":5}`)
	if _, err := c.Upcast(old); err == nil || err.Error() != "upcast order.made from 1 to 2: there is no upcaster" {
		t.Errorf("without upcasters: %v", err)
	}
	up := func(format string) events.Upcaster {
		return func(data json.RawMessage) (json.RawMessage, error) {
			var v struct{ Sum, Amount *int }
			if err := json.Unmarshal(data, &v); err != nil {
				return nil, err
			}
			n := v.Sum
			if n == nil {
				n = v.Amount
			}
			if n == nil {
				return nil, errors.New("no sum")
			}
			return fmt.Appendf(nil, format, *n), nil
		}
	}
	for from, format := range map[int]string{1: `{"amount":%d}`, 2: `{"amount":%d,"currency":"EUR"}`} {
		if err := c.AddUpcaster("order.made", from, up(format)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Upcast(old)
	if err != nil || string(got.Data) != `{"amount":5,"currency":"EUR"}` || got.DataVersion != "3.0" || string(old.Data) != `{"sum":5}` {
		t.Errorf("%s %s, %v; the old one is %s", got.DataVersion, got.Data, err, old.Data)
	}
	newest := made("3.9", `{"amount":1,"currency":"EUR"}`)
	if same, err := c.Upcast(newest); err != nil || string(same.Encode()) != string(newest.Encode()) {
		t.Errorf("the newest: %v", err)
	}
	if _, err := c.Upcast(made("4.0", `{}`)); !errors.Is(err, events.ErrUnknownMajor) || err.Error() != `/dataVersion: order.made has no schema for "4.0": known is 1.x, 2.x, 3.x` {
		t.Errorf("a version to come: %v", err)
	}
	if _, err := c.Upcast(made("1.0", `{}`)); err == nil || err.Error() != "upcast order.made from 1 to 2: no sum" {
		t.Errorf("an upcaster that fails: %v", err)
	}
	for name, err := range map[string]error{
		"unknown type": c.AddUpcaster("order.mad", 1, up("")), "twice": c.AddUpcaster("order.made", 1, up("")),
		"no such version": c.AddUpcaster("order.made", 3, up("")), "before the first": c.AddUpcaster("order.made", 0, up("")),
	} {
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestViewsAndUnknownTypes(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	raw := []byte(strings.Replace(documented()[1], `"initialModules":[]`, `"initialModules":[],"added":{"later":1}`, 1))
	if err := c.Validator(events.ValidatorOptions{View: events.Open}).Check(raw); err != nil {
		t.Errorf("a consumer refuses an added member: %v", err)
	}
	err := c.Validator(events.ValidatorOptions{}).Check(raw)
	if err == nil || err.Error() != "/data/added: is not a member that the schema knows" {
		t.Errorf("a producer: %v", err)
	}
	broken := []byte(strings.Replace(string(raw), `accounts@globex.example`, `nope`, 1))
	err = c.Validator(events.ValidatorOptions{View: events.Open}).Check(broken)
	if err == nil || err.Error() != `/data/billingEmail: "nope" is not a valid email` {
		t.Errorf("a consumer: %v", err)
	}
	next := []byte(strings.Replace(documented()[1], `"1.0"`, `"2.0"`, 1))
	if err := c.Validator(events.ValidatorOptions{View: events.Open}).Check(next); !errors.Is(err, events.ErrUnknownMajor) {
		t.Errorf("an unknown major: %v", err)
	}
	unknown := []byte(strings.Replace(documented()[1], `tenant.created`, `tenant.founded`, 1))
	if err := c.Validator(events.ValidatorOptions{}).Check(unknown); !errors.Is(err, events.ErrUnknownType) {
		t.Errorf("an unknown type: %v", err)
	}
	var r events.Record
	if err := c.Validator(events.ValidatorOptions{Topic: "my.topic"}).Record(unknown, &r); err != nil || r.Topic != "my.topic" || string(r.Key) != "3b241101-e2bb-4255-8caf-4136c566a962" {
		t.Errorf("an unknown type to a topic: %v, %s %s", err, r.Topic, r.Key)
	}
	two := []byte(strings.Replace(string(unknown), `"1.0"`, `"x"`, 1))
	if err := c.Validator(events.ValidatorOptions{}).Check(two); !errors.Is(err, events.ErrInvalid) || !strings.Contains(err.Error(), "/dataVersion") {
		t.Errorf("two faults: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	hash := strings.Repeat("ab", 32)
	failed := `"reason":"locked","attemptedAt":"2026-01-05T09:30:00Z"`
	for _, x := range []struct{ name, tenant, data, want string }{
		{"user.login_failed", "t", `{"id":"u",` + failed + `,"identifierHash":"` + hash + `"}`, "u"},
		{"user.login_failed", "t", `{` + failed + `,"identifierHash":"` + hash + `"}`, "t:" + hash},
		{"user.login_failed", "t", `{` + failed + `}`, "t"},
		{"user.login_failed", "", `{` + failed + `,"identifierHash":"` + hash + `"}`, "event-1"},
		{"user.login_failed", "", `{"id":"\u00e9\"",` + failed + `}`, `é"`},
		{"file.deleted", "t", `{"fileId":"f","deletedBy":"u","deletedAt":"2026-01-05T09:30:00Z","mode":"soft"}`, "f"},
	} {
		e, err := events.New(x.name, "test", json.RawMessage(x.data), events.Options{TenantID: x.tenant, ID: "event-1"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Record(e)
		if err != nil || string(r.Key) != x.want {
			t.Errorf("%s of tenant %q, %s: key %s, %v, want %s", x.name, x.tenant, x.data, r.Key, err, x.want)
		}
	}
	e, err := c.Example("billing.payment_failed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Record(e); err != nil || string(r.Key) != e.TenantID {
		t.Errorf("billing: %s, %v", r.Key, err)
	}
	e.TenantID = ""
	if _, err := c.Record(e); err == nil || err.Error() != "/tenantId: is required for billing.payment_failed, whose key it is" {
		t.Errorf("billing without a tenant: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	e, err := events.Parse([]byte(documented()[0]))
	if err != nil {
		t.Fatal(err)
	}
	e.TenantID, e.CorrelationID = "t", "c"
	r, err := c.Record(e)
	if err != nil {
		t.Fatal(err)
	}
	r.SetTraceparent("00-1-2-01")
	var got []string
	for _, h := range r.Headers {
		got = append(got, h.Name+"="+string(h.Value))
	}
	want := "event-id=event-id-1 event-type=tenant.created event-version=1.0 tenant-id=t correlation-id=c content-type=application/json traceparent=00-1-2-01"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
