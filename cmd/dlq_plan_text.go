package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func doesText(a dlq.Action) string {
	return map[dlq.Action]string{dlq.Replayed: "replays", dlq.Discarded: "discards", dlq.Parked: "parks", dlq.Reopened: "reopens"}[a]
}

func doneText(a dlq.Action) string {
	return map[dlq.Action]string{dlq.Replayed: "replayed", dlq.Discarded: "discarded", dlq.Parked: "parked", dlq.Reopened: "reopened", dlq.Rebuilt: "marked as replayed"}[a]
}

func doingText(a dlq.Action) string {
	return map[dlq.Action]string{dlq.Replayed: "replaying", dlq.Discarded: "discarding", dlq.Parked: "parking", dlq.Reopened: "reopening", dlq.Rebuilt: "rebuilding the ledger of"}[a]
}

// planText says in lines what a plan does.
func planText(p *dlq.Plan, now time.Time) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-11s%s", name, terminal.Escape(fmt.Sprintf(format, args...))), " ") + "\n")
	}
	line("queue", "%s", p.Queue)
	if p.Action == dlq.Reopened {
		line("letters", "%s of the run, to be %s", grouped(p.Letters), doneText(p.Action))
	} else {
		line("pending", "%s, selected %s, to be %s %s", grouped(p.Pending), grouped(p.Selected), doneText(p.Action), grouped(p.Letters))
	}
	if p.Duplicates > 0 {
		line("duplicates", "%s: the same failure of the same record; resolved with the one that is sent", grouped(p.Duplicates))
	}
	if p.Park > 0 {
		line("park", "%s to be parked: replayed too often before", plural(p.Park, "letter"))
	}
	for _, r := range p.Behind {
		line("stay", "%s (first %s): %s", grouped(r.Letters), r.First, r.Text)
	}
	if p.Tombstones > 0 {
		line("tombstones", "%s whose newest record the run sent", plural(p.Tombstones, "key"))
	}
	for _, t := range p.Targets {
		groups := ""
		if len(t.Groups) > 0 {
			groups = ", read by " + strings.Join(t.Groups, ", ")
		}
		line("target", "%s: %s, %s%s", t.Topic, plural(t.Letters, "letter"), t.Partition, groups)
	}
	for _, part := range p.Partitions {
		line("from", "%s/%d: %s, %d to %d", p.Queue, part.Partition, plural(part.Letters, "letter"), part.First, part.Last)
	}
	for _, f := range p.Failures {
		line("failure", "%s  %s  %s  %s", f.ID, grouped(f.Letters), dash(f.Class), f.Message)
	}
	if !p.Expires.IsZero() {
		line("expires", "the oldest selected letter in %s", expiryText(p.Expires, now))
	}
	for _, s := range p.Sample {
		line("sample", "%s → %s/%d  key %s  %s", s.Letter, s.Topic, s.To, shownKey(s.Key), dash(s.Class))
	}
	return b.String()
}

func shownKey(key []byte) string {
	if key == nil {
		return "none"
	}
	const most = 60
	if len(key) > most {
		return strconv.Quote(string(key[:most])) + "…"
	}
	return strconv.Quote(string(key))
}

// tellPlan says on stderr what is going to happen.
func (a *app) tellPlan(p *dlq.Plan) {
	if p.Selected > 0 || p.Letters > 0 {
		a.print.status("%s", strings.TrimSuffix(planText(p, time.Now()), "\n"))
	}
	for _, w := range p.Warnings {
		a.print.warn("%s", w)
	}
}

// showDryRun answers with the plan.
func (a *app) showDryRun(p *dlq.Plan, flags *runFlags) error {
	for _, w := range p.Warnings {
		a.print.warn("%s", w)
	}
	err := printValue(a.print, flags.sending.answer(p), func() error {
		if p.Selected == 0 && p.Letters == 0 {
			return nil
		}
		_, err := fmt.Fprint(a.out, planText(p, time.Now())+flags.sending.text(a))
		return err
	})
	if err != nil {
		return err
	}
	if p.Letters+p.Park > 0 {
		a.print.status("dry run: nothing was written")
		return nil
	}
	if a.print.format != formatTable {
		a.print.format = formatTable // the answer is given
	}
	return a.nothingToDo(p, flags)
}

// tellResult says on stderr what came of a run.
func (a *app) tellResult(p *dlq.Plan, r *dlq.Result) {
	if r == nil || r.Run == "" {
		return
	}
	rate := ""
	if r.Seconds > 0 && r.Done > 0 {
		rate = fmt.Sprintf(" in %.1f s (%s/s)", r.Seconds, grouped(int64(float64(r.Done)/r.Seconds)))
	}
	sent := r.Done - r.Parked
	if p.Action == dlq.Parked {
		sent = r.Done
	}
	a.print.status("run %s: %s %s%s", r.Run, doneText(p.Action), plural(sent, "letter"), rate)
	if r.Parked > 0 && p.Action != dlq.Parked {
		a.print.status("parked %s: replayed too often before", plural(r.Parked, "letter"))
	}
	if r.Tombstones > 0 {
		a.print.status("deleted %s by a tombstone each", plural(r.Tombstones, "key"))
	}
	if r.Twins > 0 {
		a.print.status("resolved %s of them beside", plural(r.Twins, "duplicate"))
	}
	if r.Already > 0 {
		a.print.status("%s resolved by another run meanwhile", plural(r.Already, "letter"))
	}
	for _, b := range r.Behind {
		a.print.status("left %s (first %s): %s", grouped(b.Letters), b.First, b.Text)
	}
	for _, text := range r.Expired {
		a.print.warn("%s", text)
	}
}
