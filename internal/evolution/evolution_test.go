package evolution_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/evolution/evolutiontest"
)

func keys(list []evolution.Difference) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Pointer+" "+string(d.Rule))
	}
	return out
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range evolutiontest.Changes() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for mode, want := range map[evolution.Mode][]string{evolution.Backward: c.Backward, evolution.Forward: c.Forward, evolution.Full: append(append([]string(nil), c.Backward...), c.Forward...), evolution.None: nil} {
				got, err := evolution.Check(mode, [][]byte{[]byte(c.Old)}, []byte(c.New))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Join(keys(got), "\n") != strings.Join(want, "\n") {
					t.Errorf("%s: got %v, want %v", mode, got, want)
				}
			}
		})
	}
}

func TestCheckTransitive(t *testing.T) {
	t.Parallel()
	with := func(maxLength int) []byte { return fmt.Appendf(nil, `{"type":"string","maxLength":%d}`, maxLength) }
	old := [][]byte{with(9), with(3)}
	for mode, want := range map[evolution.Mode]string{
		evolution.Backward:           "",
		evolution.BackwardTransitive: "/maxLength: texts of more than 5 characters may come (length-narrowed, new reads old)",
		evolution.Forward:            "/maxLength: texts of more than 3 characters may come (length-narrowed, old reads new)",
		evolution.ForwardTransitive:  "/maxLength: texts of more than 3 characters may come (length-narrowed, old reads new)",
	} {
		got, err := evolution.Check(mode, old, with(5))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, d := range got {
			lines = append(lines, d.String())
		}
		if strings.Join(lines, "\n") != want {
			t.Errorf("%s: got %q, want %q", mode, lines, want)
		}
	}
	if got, err := evolution.Check(evolution.FullTransitive, nil, with(5)); len(got) > 0 || err != nil {
		t.Errorf("the first version: %v, %v", got, err)
	}
	if _, err := evolution.ParseMode("backward"); !errors.Is(err, evolution.ErrMode) {
		t.Errorf("a mode in lower case: %v", err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	a, b := `"a":{"type":"string"}`, `"b":{"type":"integer"}`
	for name, c := range map[string]struct{ old, new, consumers, producers string }{
		"optional member":    {evolutiontest.Object(evolutiontest.Closed, a, ``), evolutiontest.Object(evolutiontest.Closed, a+`,`+b, ``), "", ""},
		"member gone":        {evolutiontest.Object(evolutiontest.Closed, a+`,`+b, ``), evolutiontest.Object(evolutiontest.Closed, a, ``), "", ""},
		"required member":    {evolutiontest.Object(evolutiontest.Closed, a, ``), evolutiontest.Object(evolutiontest.Closed, a+`,`+b, `"b"`), "/required required-added", ""},
		"no longer required": {evolutiontest.Object(evolutiontest.Closed, a, `"a"`), evolutiontest.Object(evolutiontest.Closed, a, ``), "", "/required required-added"},
		"enum value":         {evolutiontest.Object(evolutiontest.Closed, `"a":{"enum":["x"]}`, ``), evolutiontest.Object(evolutiontest.Closed, `"a":{"enum":["x","y"]}`, ``), "", "/properties/a/enum enum-narrowed"},
	} {
		v, err := evolution.Judge([]byte(c.old), []byte(c.new))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(keys(v.ConsumersFirst), ","); got != c.consumers {
			t.Errorf("%s, consumers first: got %q, want %q", name, got, c.consumers)
		}
		if got := strings.Join(keys(v.ProducersFirst), ","); got != c.producers {
			t.Errorf("%s, producers first: got %q, want %q", name, got, c.producers)
		}
		if all, err := v.Allows(evolution.AnyOrder); err != nil || len(all) != len(v.ConsumersFirst)+len(v.ProducersFirst) {
			t.Errorf("%s, any order: %v, %v", name, all, err)
		}
	}
}

func TestHostileSchemas(t *testing.T) {
	t.Parallel()
	double := `{"type":"string"}`
	for range 12 {
		double = `{"anyOf":[` + double + `,` + double + `]}`
	}
	for name, c := range map[string]struct{ schema, want string }{
		"deep":          {strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat(`}`, 5000), "nested deeper"},
		"large":         {`{"enum":["` + strings.Repeat("a", 300_000) + `"]}`, "too large"},
		"reference":     {`{"properties":{"a":{"$ref":"#"}}}`, "back to itself"},
		"references":    {`{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}`, "back to itself"},
		"nowhere":       {`{"$ref":"#/definitions/a"}`, "points at nothing"},
		"doubling":      {bomb(), "too large"},
		"long pattern":  {`{"pattern":"` + strings.Repeat("a", 2000) + `"}`, "too large"},
		"heavy pattern": {`{"pattern":"((a{100}){100}){100}"}`, "error parsing regexp"},
		"duplicate":     {`{"type":"string","type":"null"}`, "duplicate member"},
		"no schema":     {`[]`, "must be an object or a boolean"},
		"wrong type":    {`{"type":"text"}`, "is no type"},
	} {
		start := time.Now()
		_, err := evolution.Check(evolution.Full, [][]byte{[]byte(`{}`)}, []byte(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.200v, want %q", name, err, c.want)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
	start := time.Now()
	narrowed := strings.Replace(double, `"string"`, `"integer"`, 1)
	if found, err := evolution.Check(evolution.Full, [][]byte{[]byte(double)}, []byte(`{"anyOf":[`+narrowed+`]}`)); err != nil || len(found) == 0 {
		t.Errorf("alternatives in alternatives: %v, %v", found, err)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("alternatives in alternatives took %s", d)
	}
}

// bomb is a short schema that becomes a huge one when references are followed.
func bomb() string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/definitions/d0","definitions":{"d30":{}`)
	for i := range 30 {
		fmt.Fprintf(&b, `,"d%d":{"anyOf":[{"$ref":"#/definitions/d%d"},{"$ref":"#/definitions/d%d"}]}`, i, i+1, i+1)
	}
	return b.String() + "}}"
}
