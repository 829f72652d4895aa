package containers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/evolution/evolutiontest"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// agreesWithApicurio compares our verdict on every change with that of a real
// registry. Where they differ, apart says why; a difference that has gone fails
// too, so that the list stays true.
func agreesWithApicurio(t *testing.T, url string) {
	c, err := registry.Open(registry.Config{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	why := apart()
	agreed := 0
	for i, change := range evolutiontest.Changes() {
		for _, mode := range []evolution.Mode{evolution.Backward, evolution.Forward} {
			subject := fmt.Sprintf("agreement-%d-%s", i, mode)
			theirs := apicurioVerdict(t, c, subject, mode, change)
			differences, err := evolution.Check(mode, [][]byte{[]byte(change.Old)}, []byte(change.New))
			if err != nil {
				t.Fatal(err)
			}
			ours := len(differences) == 0
			key := string(mode) + " " + change.Name
			agree := theirs == verdict(ours)
			switch reason, known := why[key]; {
			case agree && known:
				t.Errorf("%s: agreed, although %q", key, reason)
			case agree:
				agreed++
			case !known:
				t.Errorf("%s: ours %s, Apicurio's %s: %v", key, verdict(ours), theirs, differences)
			}
			delete(why, key)
		}
	}
	for key := range why {
		t.Errorf("%s: no such change", key)
	}
	t.Logf("%d changes, both ways: %d verdicts agree, %d differ for a known reason", len(evolutiontest.Changes()), agreed, len(apart()))
}

// verdict is what a registry says of a change.
func verdict(compatible bool) string {
	if compatible {
		return "compatible"
	}
	return "incompatible"
}

// draft7 names the draft, by which Apicurio knows a JSON Schema.
func draft7(text string) registry.Schema {
	if members, ok := strings.CutPrefix(text, "{"); ok {
		text = `{"$schema":"http://json-schema.org/draft-07/schema#"`
		if members != "}" {
			text += ","
		}
		text += members
	}
	return registry.Schema{Type: regschema.JSON, Text: text}
}

func apicurioVerdict(t *testing.T, c *registry.Client, subject string, mode evolution.Mode, change evolutiontest.Change) string {
	t.Helper()
	if _, err := c.Register(t.Context(), subject, draft7(change.Old)); err != nil {
		return "not taken"
	}
	if err := c.SetLevel(t.Context(), subject, mode); err != nil {
		t.Fatalf("%s: %v", change.Name, err)
	}
	ok, _, err := c.Compatible(t.Context(), subject, registry.Latest, draft7(change.New))
	if err != nil {
		return "not taken"
	}
	return verdict(ok)
}

// apart has the verdicts in which Apicurio differs from us, and why.
func apart() map[string]string {
	const (
		spelling  = "1 and 1.0 are one value to us, const is an enum of one"
		excludes  = "a new keyword that excludes nothing counts as narrowing there"
		values    = "which values an enum leaves is not looked at there"
		noBoolean = "a schema of true or false is not taken there"
		careful   = "we refuse what we cannot judge"
	)
	return map[string]string{
		"BACKWARD const is enum":             spelling,
		"FORWARD const is enum":              spelling,
		"BACKWARD unknown keyword, same":     spelling,
		"FORWARD unknown keyword, same":      spelling,
		"BACKWARD enum meets length":         values,
		"BACKWARD enum meets pattern":        values,
		"BACKWARD minLength 0":               excludes,
		"BACKWARD multipleOf 1 of integers":  excludes,
		"BACKWARD unique of one":             excludes,
		"BACKWARD items of an empty array":   excludes,
		"BACKWARD maxProperties of closed":   excludes,
		"BACKWARD map values":                "a wider schema of the other members counts as a change there",
		"BACKWARD alternative for type":      "a type is not compared with alternatives that hold it there",
		"FORWARD unknown keyword, new":       careful,
		"BACKWARD patternProperties, beside": careful,
		"BACKWARD everything to nothing":     noBoolean,
		"FORWARD everything to nothing":      noBoolean,
	}
}
