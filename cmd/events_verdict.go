package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
)

// The verdicts on a type.
const (
	schemaSame       = "same"
	schemaCompatible = "compatible"
	schemaBreaking   = "breaking"
	schemaNew        = "new"
)

// verdict is what events check --against says of a type.
type verdict struct {
	Type        string                 `json:"type"`
	Major       int                    `json:"major"`
	Verdict     string                 `json:"verdict"`
	Differences []evolution.Difference `json:"differences"`
}

// question is what is asked about a change.
type question struct {
	mode    evolution.Mode
	rollout evolution.Rollout // "": the mode counts
}

func (o checkOptions) question() (question, error) {
	switch r := evolution.Rollout(o.rollout); {
	case o.received:
		return question{}, usagef("--received is for events, --against for schemas")
	case o.rollout != "" && o.mode != "":
		return question{}, usagef("--mode and --rollout cannot be used together")
	case r == evolution.ConsumersFirst, r == evolution.ProducersFirst, r == evolution.AnyOrder:
		return question{rollout: r}, nil
	case o.rollout != "":
		return question{}, usagef("--rollout %q: want consumers-first, producers-first or any", o.rollout)
	case o.mode == "":
		return question{mode: evolution.Backward}, nil
	}
	mode, err := evolution.ParseMode(o.mode)
	if err != nil {
		return question{}, usagef("--mode: %w", err)
	}
	return question{mode: mode}, nil
}

// ask judges one change.
func (q question) ask(old [][]byte, next []byte) ([]evolution.Difference, error) {
	if q.rollout == "" {
		return evolution.Check(q.mode, old, next)
	}
	var all []evolution.Difference
	for i, body := range old {
		v, err := evolution.Judge(body, next)
		if err != nil {
			return nil, err
		}
		differences, err := v.Allows(q.rollout)
		if err != nil {
			return nil, err
		}
		for _, d := range differences {
			d.Version = i
			all = append(all, d)
		}
	}
	return all, nil
}

// removal is what speaks against a type that is no more: nothing where only
// the old readers count.
func (q question) removal() []evolution.Difference {
	switch {
	case q.mode == evolution.None, q.mode == evolution.Forward, q.mode == evolution.ForwardTransitive, q.rollout == evolution.ProducersFirst:
		return []evolution.Difference{}
	}
	return []evolution.Difference{{Rule: "schema-removed", Message: "there is no schema any more for what was sent", Direction: evolution.NewReadsOld}}
}

// compare judges every type. Types that only next has are new where they were
// named, else they are none of this question.
func compare(q question, old [][]schemaset.Schema, next []schemaset.Schema, named bool) ([]verdict, error) {
	var rows []verdict
	seen := map[string]bool{}
	for _, s := range next {
		seen[s.Name()] = true
		var before [][]byte
		for _, set := range old {
			for _, o := range set {
				if o.Name() == s.Name() {
					before = append(before, o.Body)
				}
			}
		}
		row := verdict{Type: s.Type, Major: s.Major, Verdict: schemaNew, Differences: []evolution.Difference{}}
		if len(before) > 0 {
			differences, err := q.ask(before, s.Body)
			if err != nil {
				return nil, usagef("%s: %w", s.File, err)
			}
			row.Differences = append(row.Differences, differences...)
			switch {
			case len(differences) > 0:
				row.Verdict = schemaBreaking
			case sameJSON(before[len(before)-1], s.Body):
				row.Verdict = schemaSame
			default:
				row.Verdict = schemaCompatible
			}
		} else if !named {
			continue
		}
		rows = append(rows, row)
	}
	for _, o := range old[len(old)-1] {
		if seen[o.Name()] {
			continue
		}
		row := verdict{Type: o.Type, Major: o.Major, Verdict: schemaCompatible, Differences: q.removal()}
		if len(row.Differences) > 0 {
			row.Verdict = schemaBreaking
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b verdict) int { return cmp.Or(cmp.Compare(a.Type, b.Type), a.Major-b.Major) })
	return rows, nil
}

func sameJSON(a, b []byte) bool {
	decode := func(raw []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		_ = d.Decode(&v) // both were read before
		return v
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

// showVerdicts answers with a row for each difference, or for each type that
// has none.
func showVerdicts(a *app, rows []verdict) error {
	if a.print.format != formatTable {
		return printRows(a.print, rows, []column[verdict]{{cell: func(v verdict) string { return v.Type }}})
	}
	type line struct {
		verdict
		evolution.Difference
	}
	var lines []line
	for _, v := range rows {
		for _, d := range v.Differences {
			lines = append(lines, line{v, d})
		}
		if len(v.Differences) == 0 {
			lines = append(lines, line{verdict: v})
		}
	}
	return printTable(a.print, lines, []column[line]{
		{head: "TYPE", cell: func(l line) string { return schemaset.Schema{Type: l.Type, Major: l.Major}.Name() }},
		{head: "VERDICT", cell: func(l line) string { return l.Verdict }, style: func(l line) (style, bool) { return styleWarn, l.Verdict == schemaBreaking }},
		{head: "POINTER", cell: func(l line) string { return l.Pointer }},
		{head: "RULE", cell: func(l line) string { return string(l.Rule) }},
		{head: "READERS", cell: func(l line) string { return string(l.Direction) }},
		{head: "WHY", cell: func(l line) string { return l.Message }},
	})
}
