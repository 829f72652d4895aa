package containers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The contract in a real registry on a real broker: everything is new, then
// unchanged; what readers could not follow is refused by its rule, and leaves
// the registry as it was.
func TestContractIsRegistered(t *testing.T) {
	p := newProject(t)
	p.ok(t, "", p.startArgs()...)
	holds(t, p.ok(t, "", "events", "register", "--dry-run").err, "35 new, 0 changed, 0 unchanged; nothing was registered")
	r := p.ok(t, "", "events", "register")
	holds(t, r.err, "35 new, 0 changed, 0 unchanged; registered")
	holds(t, r.out, "tenant.events-tenant.created ", "analytics.events-analytics.metric_updated ")
	holds(t, p.ok(t, "", "events", "register").err, "0 new, 0 changed, 35 unchanged; registered")
	holds(t, p.ok(t, "", "events", "check", "--against", "registry").err, "35 schemas without a breaking change")

	own := func(members, required string) {
		t.Helper()
		schema := `{"type": "object", "properties": {` + members + `}, "required": [` + required + `], "additionalProperties": false}`
		if err := os.WriteFile(filepath.Join(p.dir, "order.json"), []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := "events:\n  types: [{type: order.created, schema: order.json, key: /data/orderId}]\n"
	if err := os.WriteFile(filepath.Join(p.dir, "manage-kafka.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	own(`"orderId": {"type": "string"}`, `"orderId"`)
	holds(t, p.ok(t, "", "events", "register", "order.*").err, "1 new, 0 changed, 0 unchanged")
	own(`"orderId": {"type": "string"}, "note": {"type": "string"}`, `"orderId"`)
	holds(t, p.ok(t, "", "events", "register", "order.*").err, "0 new, 1 changed, 0 unchanged")
	own(`"orderId": {"type": "string"}, "note": {"type": "string"}`, `"orderId", "note"`)
	r = p.want(t, 7, "", "events", "register")
	holds(t, r.err, "1 of 36 schemas is incompatible with what the registry has")
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, "incompatible") {
			t.Logf("%s", line)
			holds(t, strings.ToLower(line), "order.events-order.created", "required")
		}
	}
	holds(t, r.out, "incompatible")
	own(`"orderId": {"type": "string"}, "note": {"type": "string"}`, `"orderId"`)
	holds(t, p.ok(t, "", "events", "register").err, "0 new, 0 changed, 36 unchanged")
}
