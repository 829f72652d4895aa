package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// manyLetters is when what a plan keeps of each is most of the heap.
const manyLetters = 500_000

// runDLQ makes a plan, shows it, asks, and does it.
func runDLQ(ctx context.Context, a *app, flags *runFlags, opts dlq.Options) error {
	i := newInterruption(ctx)
	defer i.close()
	open := a.openForChange
	if flags.dryRun || flags.planFile != "" {
		open = a.open
	}
	c, err := open(i.ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := a.needReason(c, flags, opts); err != nil {
		return err
	}
	if opts.Ledger == "" {
		opts.Ledger = a.ledger(c)
	}
	opts.Version, opts.Notice, opts.Stop = readVersion().Version, a.print.status1, i.stop
	opts.ReadOnly = flags.dryRun || flags.planFile != ""
	if flags.sending.mask, err = a.valueMask(c); err != nil {
		return err
	}
	opts.Mask = flags.sending.mask.Record
	const spare = 1 << 30
	a.heap.Spare(spare)
	defer a.heap.Usual()
	end, err := flags.sending.prepare(i.ctx, a, flags.cmd, c, flags, &opts)
	if err != nil {
		return err
	}
	defer end()
	plan, err := dlq.Prepare(i.ctx, c, opts)
	if err != nil {
		return explainRun(err)
	}
	if plan.Selected > manyLetters {
		a.heap.Usual()
	}
	flags.sending.tell(a, flags)
	switch {
	case flags.dryRun:
		return a.showDryRun(plan, flags)
	case flags.planFile != "":
		return a.writePlan(plan, flags)
	}
	a.tellPlan(plan)
	if plan.Letters+plan.Park == 0 {
		return a.nothingToDo(plan, flags)
	}
	if err := a.confirmRun(ctx, plan); err != nil {
		return err
	}
	return a.doPlan(i, plan, opts)
}

// doPlan runs a plan that was agreed to, and says what came of it.
func (a *app) doPlan(i *interruption, plan *dlq.Plan, opts dlq.Options) error {
	bar := newLetterProgress(a.print, doingText(plan.Action)+" "+plan.Queue, plan.Letters+plan.Park)
	last, note := int64(0), ""
	bar.note = func() string { return note }
	plan.OnProgress(func(p dlq.Progress) {
		note = followedText(p)
		bar.count(p.Done - last)
		last = p.Done
	})
	i.armed.Store(true)
	res, err := plan.Run(i.ctx)
	i.armed.Store(false)
	bar.end()
	a.tellResult(plan, res)
	if a.print.format != formatTable {
		if err := printRows(a.print, []*dlq.Result{res}, []column[*dlq.Result]{{head: "RUN", cell: func(r *dlq.Result) string { return r.Run }}}); err != nil {
			return err
		}
	}
	if err != nil {
		return explainRun(err)
	}
	if res.State == dlq.Stopped && i.late() {
		return withHint(withCode(fmt.Errorf("not done in %s (--timeout): %s of %s; what was committed stays", a.flags.timeout, grouped(res.Done), grouped(res.Planned)), exitTimeout),
			"the same command does the rest")
	}
	if res.State == dlq.Stopped {
		return withHint(withCode(fmt.Errorf("interrupted at %s of %s; what was committed stays", grouped(res.Done), grouped(res.Planned)), exitInterrupted),
			"the same command does the rest")
	}
	return nil
}

// followedText is what became of the letters of a run so far.
func followedText(p dlq.Progress) string {
	text := ""
	if p.Followed && p.Passed >= 0 {
		text = fmt.Sprintf(", %s passed", grouped(p.Passed))
	}
	if p.Followed && (p.DeadAgain > 0 || p.Passed >= 0) {
		text += fmt.Sprintf(", %s dead again", grouped(p.DeadAgain))
	}
	return text
}

// needReason wants a reason where it counts.
func (a *app) needReason(c *kafka.Client, flags *runFlags, opts dlq.Options) error {
	rules, _ := a.target.files.Rules(c.Bootstrap(), c.ClusterID())
	if flags.dryRun || opts.Reason != "" || !strings.HasPrefix(strings.ToLower(rules.Environment), "prod") {
		return nil
	}
	return withHint(usagef("context %s is %s: say why; nothing was changed", rules.Name, rules.Environment), "repeat it with --reason \"INC-812: …\"")
}

// nothingToDo ends a run that has no letters.
func (a *app) nothingToDo(plan *dlq.Plan, flags *runFlags) error {
	if a.print.format != formatTable {
		if err := printRows(a.print, []*dlq.Result{}, nil); err != nil {
			return err
		}
	}
	switch {
	case plan.Selected > 0:
		return withCode(fmt.Errorf("none of %s can be %s; they stay pending", plural(plan.Selected, "letter"), doneText(plan.Action)), exitPartly)
	case flags.sel.given(flags.cmd) && plan.Pending+plan.Selected >= 0 && !flags.approved:
		return withHint(withCode(fmt.Errorf("no pending letter of %s matches", plan.Queue), exitNoMatch), "see what is pending with: manage-kafka dlq failures %s", plan.Queue)
	}
	switch {
	case plan.Action == dlq.Reopened:
		a.print.status("nothing to reopen in %s: no letter is resolved by the run any more", plan.Queue)
	case flags.approved:
		a.print.status("nothing of the plan is pending any more in %s", plan.Queue)
	default:
		a.print.status("nothing pending in %s", plan.Queue)
	}
	return nil
}

// confirmRun asks; many letters have to be counted by whoever sends them.
func (a *app) confirmRun(ctx context.Context, plan *dlq.Plan) error {
	n := plan.Letters + plan.Park
	what := fmt.Sprintf("this %s %s of %s", doesText(plan.Action), plural(n, "letter"), plan.Queue)
	if len(plan.Targets) > 0 {
		var names []string
		for _, t := range plan.Targets {
			names = append(names, t.Topic)
		}
		what += " to " + strings.Join(names, ", ")
	}
	if plan.Tombstones > 0 {
		what += fmt.Sprintf(" and deletes %s that it wrote", plural(plan.Tombstones, "key"))
	}
	const typed = 1000
	if n > typed && !a.flags.yes && isTerminal(a.in) && isTerminal(a.errOut) {
		return a.confirmCount(ctx, what, n)
	}
	return a.confirmDestructive(ctx, what)
}

// writePlan writes a plan for somebody else to apply.
func (a *app) writePlan(plan *dlq.Plan, flags *runFlags) error {
	a.tellPlan(plan)
	if plan.Letters+plan.Park == 0 {
		return a.nothingToDo(plan, flags)
	}
	file, err := plan.File()
	if err != nil {
		return explainRun(err)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // a program is read as it was written
	enc.SetIndent("", "  ")
	if err := enc.Encode(file); err != nil {
		return err
	}
	if err := writeWhole(flags.planFile, body.Bytes()); err != nil {
		return fmt.Errorf("--plan %s: %w; nothing was written", flags.planFile, causeOf(err))
	}
	a.print.status("wrote the plan of %s to %s; nothing was sent", plural(plan.Letters+plan.Park, "letter"), flags.planFile)
	if file.Sum != "" {
		a.print.status("its sum is %s", file.Sum)
	}
	a.print.status("next: somebody else reads it and runs: manage-kafka dlq apply %s", shellWord(flags.planFile))
	return nil
}

// causeOf is what the system said, without the temporary file that it said it of.
func causeOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(name string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(body); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
