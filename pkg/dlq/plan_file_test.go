package dlq

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// fixedPlan is a plan of letters 0, 3 and 4 of partition 1, of which 1 and 2
// were refused and 5 has a newer record, with what is done to them.
func fixedPlan(spec *PlanFix) *Plan {
	p := &Plan{Queue: "orders.dlq", Ledger: "ledger", Cluster: "c", TopicID: "t", LedgerID: "l", Letters: 3, bounds: &bounds{end: []int64{0, 6}}}
	p.opts = Options{Queue: p.Queue, Ledger: p.Ledger, Operator: "anna", Reason: "a \xff reason", PlanFix: spec}.withDefaults()
	at := p.index.lane(laneKey{topic: "orders", partition: 1})
	bad, old := p.index.reason("bad"), p.index.reason("old")
	for i, f := range []fate{fateGo, bad, fateHeld, fateTwin, fatePark, old} {
		p.index.add(entry{offset: int64(i), origin: int64(i), part: 1, lane: at, fate: f, newer: f == old})
	}
	p.Action = p.opts.Action
	if spec != nil {
		o := spec.Options()
		p.opts.Fix, p.opts.FixHash = func(context.Context, []*Outgoing) error { return nil }, o.Hash()
	}
	return p
}

func key(s string) *string { return &s }

// everyFix uses every member.
func everyFix() *PlanFix {
	return &PlanFix{
		JQ: ".amount |= tonumber | .n < 9007199254740993", SetHeaders: []PlanHeader{{"fixed", "yes \u202e é"}, {"empty", ""}}, DelHeaders: []string{"sig"},
		Key: key(""), Predicate: ".a > 1", Checks: []string{CheckJSON, CheckEvent, CheckRegistry}, Registry: "http://registry:8081/api",
	}
}

func encodeFile(t testing.TB, p *Plan) []byte {
	t.Helper()
	f, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAPlanFileHoldsWhatIsDoneToLetters(t *testing.T) {
	t.Parallel()
	body := encodeFile(t, fixedPlan(everyFix()))
	f, err := ReadPlanFile(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	want := everyFix()
	o := want.Options()
	want.Hash = o.Hash()
	if !reflect.DeepEqual(f.Fix, want) || f.Version != 2 {
		t.Errorf("version %d does %+v, want %+v", f.Version, f.Fix, want)
	}
	got := f.Fix.Options()
	if hash := got.Hash(); hash != want.Hash || len(hash) != 16 {
		t.Errorf("hash %q, want %q", hash, want.Hash)
	}
	var named, left []int64
	for i := range int64(8) {
		if f.names(1, i) {
			named = append(named, i)
		}
		if f.leaves(1, i) {
			left = append(left, i)
		}
	}
	if !slices.Equal(named, []int64{0, 1, 2, 3, 4}) || !slices.Equal(left, []int64{1, 2}) || f.names(0, 0) {
		t.Errorf("the file names %v and leaves %v", named, left)
	}
	var spaced bytes.Buffer
	if err := json.Compact(&spaced, body); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlanFile(&spaced); err != nil {
		t.Errorf("with other spaces: %v", err)
	}
}

func TestAPlanFileWithoutChangesIsTheOneOfBefore(t *testing.T) {
	t.Parallel()
	// As the first release wrote it.
	const before = `{"version":1,"made":"2026-11-25T22:05:00Z","by":"anna","cluster":"c","ledger":"ledger","ledger_id":"l","dlq":"orders.dlq","topic_id":"t",` +
		`"action":"replay","order":"key","superseded":"allow","timestamp":"now","max_replays":3,"letters":3,"targets":[{"topic":"orders","topic_id":"x","letters":3,` +
		`"partition":"original partition","groups":[]}],"ends":{"0":0,"1":6},"ranges":{"1":"AAACAQ"}}`
	f, err := ReadPlanFile(strings.NewReader(before))
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	f.Apply(&o)
	if o.Queue != "orders.dlq" || o.Action != Replayed || o.Order != OrderKey || o.MaxReplays != 3 || o.Approved != f || f.names(1, 1) || !f.names(1, 3) || f.leaves(1, 1) {
		t.Errorf("it does %+v", o)
	}
	body := encodeFile(t, fixedPlan(nil))
	for _, member := range []string{"fix", "left", "sum"} {
		if bytes.Contains(body, []byte(`"`+member+`"`)) {
			t.Errorf("a plan without changes has %s, which the first release does not know:\n%s", member, body)
		}
	}
	if f, err := ReadPlanFile(bytes.NewReader(body)); err != nil || f.Version != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestAPlanFileIsTheOneThatWasWritten(t *testing.T) {
	t.Parallel()
	good := string(encodeFile(t, fixedPlan(everyFix())))
	for _, c := range []struct{ was, now, says string }{
		{`tonumber |`, `tostring |`, "fix.hash is"},
		{`"yes `, `"no `, "fix.hash is"},
		{`"key": ""`, `"key": "x"`, "fix.hash is"},
		{`"empty"`, `"emptied"`, "fix.hash is"},
		{`"hash": "`, `"hash": "0`, "fix.hash is"},
		{`.a \u003e 1`, `true`, "its sum is"},
		{`"predicate": ".a \u003e 1",`, ``, "its sum is"},
		{`"json",`, ``, "its sum is"},
		{`registry:8081`, `evil:8081`, "its sum is"},
		{`"letters": 3`, `"letters": 2`, "its sum is"},
		{`"1": "AAACAQ"`, `"1": "AAADAQ"`, "its sum is"},
		{`"1": "AQE"`, `"1": ""`, "its sum is"},
		{`"by": "anna"`, `"by": "eve"`, "its sum is"},
		{`"sum": "sha256-`, `"sum": "sha256-0`, "its sum is"},
		{`"fix": {`, `"fix": {"exec": "id",`, `unknown member "fix.exec"`},
		{`"name": "fixed"`, `"Name": "fixed"`, `unknown member "fix.set_headers[0].Name"`},
		{`"jq":`, `"jq": "", "jq":`, "no plan file: "},
		{`"version": 2`, `"version": 2, "note": 1`, `unknown member "note"`},
		{`"version": 2`, `"version": 1`, `unknown member "fix" of version 1`},
		{`"version": 2`, `"version": 0`, "version, queue, ledger or action"},
		{`"fix": {`, `"Fix": {`, `unknown member "Fix"`},
		{`"event"`, `"exec"`, `fix.checks[1] is "exec"`},
		{`http://registry`, `http://anna:s3cret@registry`, "fix.registry is no URL without credentials"},
		{`"registry": "http://registry:8081/api",`, ``, "fix.registry and a check by schema-registry go together"},
		{`"key": ""`, `"key": "", "key_jq": "."`, "fix.key and fix.key_jq exclude each other"},
		{`"name": "fixed"`, `"name": ""`, "fix.set_headers[0] has no name"},
		{`"sig"`, strings.Repeat(`"s",`, maxPlanEdits) + `"s"`, "fix.del_headers has 257 members"},
		{`"sig"`, `"` + strings.Repeat("s", maxPlanText+1) + `"`, "fix.del_headers[0] has 1048577 bytes"},
		{`"action": "replay"`, `"action": "discard"`, "fix of letters that are not sent"},
		{`"1": "AQE"`, `"1": "AQ"`, "left: partition 1: malformed ranges"},
		{`"1": "AQE"`, `"-1": "AQE"`, "left: partition -1: malformed ranges"},
	} {
		if !strings.Contains(good, c.was) {
			t.Fatalf("no %s in\n%s", c.was, good)
		}
		_, err := ReadPlanFile(strings.NewReader(strings.Replace(good, c.was, c.now, 1)))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.40s to %.40s: %v, want an invalid file: %s", c.was, c.now, err, c.says)
		}
	}
	if _, err := ReadPlanFile(strings.NewReader(strings.Replace(good, `"version": 2`, `"version": 3`, 1))); !errors.Is(err, ErrConflict) {
		t.Errorf("a newer version: %v, want a conflict", err)
	}
	if _, err := ReadPlanFile(strings.NewReader(`{"version":2,"dlq":"a.dlq","ledger":"l","action":"replay"}`)); !errors.Is(err, ErrInvalid) {
		t.Errorf("version 2 without changes: %v", err)
	}
}

func TestAPlanFileCarriesDataOnly(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*Plan{
		"no UTF-8":    fixedPlan(&PlanFix{SetHeaders: []PlanHeader{{"h", "\xff"}}}),
		"credentials": fixedPlan(&PlanFix{Checks: []string{CheckRegistry}, Registry: "http://anna:s3cret@r"}),
		"no spec":     fixedPlan(&PlanFix{}),
	} {
		if f, err := p.File(); !errors.Is(err, ErrInvalid) || f != nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	p := fixedPlan(nil)
	p.opts.Validate = func(context.Context, *Outgoing) error { return nil }
	if _, err := p.File(); !errors.Is(err, ErrInvalid) {
		t.Errorf("a check in Go: %v", err)
	}
}

// A run by a plan does to letters what the plan says, or it does not begin.
func TestARunDoesWhatItsPlanSays(t *testing.T) {
	t.Parallel()
	read := func(spec *PlanFix) *PlanFile {
		f, err := ReadPlanFile(bytes.NewReader(encodeFile(t, fixedPlan(spec))))
		if err != nil {
			t.Fatal(err)
		}
		f.Cluster = (&kafka.Client{}).ClusterID()
		return f
	}
	changing, checking, plain := &PlanFix{JQ: "."}, &PlanFix{Checks: []string{CheckJSON}}, (*PlanFix)(nil)
	for i, planned := range []*PlanFix{changing, checking, plain} {
		for j, done := range []*PlanFix{changing, checking, plain} {
			err := read(planned).check(fixedPlan(done), &kafka.Client{})
			if (err == nil) != (i == j) || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("plan %d run by %d: %v", i, j, err)
			}
		}
	}
}

func FuzzPlanFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"dlq":"a.dlq","ledger":"l","action":"replay","ranges":{"0":"AwADAA"}}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":2,"dlq":"a.dlq","ledger":"l","action":"replay","fix":{"JQ":"."}}`))
	f.Add(encodeFile(f, fixedPlan(everyFix())))
	f.Add(encodeFile(f, fixedPlan(&PlanFix{KeyJQ: ".id"})))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := ReadPlanFile(bytes.NewReader(body))
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrConflict) || p != nil {
				t.Fatalf("%v is neither invalid nor a conflict", err)
			}
			return
		}
		p.names(0, 3)
		var o Options
		p.Apply(&o)
		if p.Fix != nil {
			got := p.Fix.Options()
			if hash := got.Hash(); hash != p.Fix.Hash {
				t.Fatalf("hash %s of what has %s", hash, p.Fix.Hash)
			}
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ReadPlanFile(bytes.NewReader(again))
		if err != nil {
			t.Fatalf("written again it is refused: %v\n%s", err, again)
		}
		if a, _ := p.Digest(); a != q.Sum && q.Sum != "" || !reflect.DeepEqual(p.Fix, q.Fix) {
			t.Fatalf("written again it is another plan:\n%s", again)
		}
	})
}
