package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// sendingFlags are what a replay does to letters, and what it waits for, beside
// sending them.
type sendingFlags struct {
	fix      fixFlags
	canary   int
	stopIf   string
	settle   time.Duration
	patience time.Duration
	sample   int
	seed     uint64
	sends    bool         // the command sends letters
	planned  *dlq.PlanFix // what a plan file does to letters
	counts   *dlq.Fixing  // nil where letters are neither changed nor checked
	spec     *dlq.PlanFix // what they are changed and checked by
	mask     console.Mask
}

// bind adds the flags of a command that makes its own plan.
func (s *sendingFlags) bind(cmd *cobra.Command) {
	s.fix.bind(cmd)
	s.bindRun(cmd)
	f := cmd.Flags()
	f.IntVar(&s.sample, "sample", 0, "with --dry-run: show what the changes do to `N` letters (default 5)")
	f.Uint64Var(&s.seed, "seed", 1, "which letters --sample takes")
}

// bindPlanned adds those of a command that runs somebody else's.
func (s *sendingFlags) bindPlanned(cmd *cobra.Command) {
	registryFlag(cmd, &s.fix.registry)
	s.bindRun(cmd)
	f := cmd.Flags()
	f.IntVar(&s.sample, "sample", 0, "show what the plan's changes do to `N` letters (default 5)")
	f.Uint64Var(&s.seed, "seed", 1, "which letters --sample takes")
}

// bindRun adds those of the run itself.
func (s *sendingFlags) bindRun(cmd *cobra.Command) {
	s.sends = true
	f := cmd.Flags()
	f.IntVar(&s.canary, "canary", 0, "send `N` letters first, wait for what becomes of them, and go on only if they pass")
	f.StringVar(&s.stopIf, "stop-if-redead", "0%", "stop when more than this `share` of what consumers have dealt with is dead again; of a canary alone where it is not given")
	f.DurationVar(&s.settle, "settle", dlq.DefaultSettle, "how long after its commit a letter has passed")
	meant(f, "settle")
	f.DurationVar(&s.patience, "canary-patience", dlq.DefaultCanaryPatience, "how long the outcome of the canary is waited for, before the run stops")
}

// canaryHelp is what the long help says about the canary.
const canaryHelp = `With --canary N the run sends N letters and waits, with no transaction open, until
their group has passed them (--settle after its commit) or they are dead again. Is
more than --stop-if-redead of them, it stops by itself: no further letter is sent,
and it says which failure that was (5).

--stop-if-redead P holds for the whole run, with a canary or without: every two
seconds, between transactions, it looks what came back, and stops where that is
more than P of what consumers have dealt with, and more than one letter (5). A run
without --rate may have sent everything before its consumers deal with the first.
The line of progress tells passed and dead again, but with -q.`

// prepare puts what the flags ask for into the options. end ends what it started.
func (s *sendingFlags) prepare(ctx context.Context, a *app, cmd *cobra.Command, c *kafka.Client, flags *runFlags, o *dlq.Options) (end func(), err error) {
	end = func() {}
	if !s.sends {
		return end, nil
	}
	if flags.planFile != "" {
		if err := s.checkPlannable(a, cmd); err != nil {
			return end, err
		}
	}
	shows := flags.dryRun || flags.approved
	if s.sample < 0 || s.sample > 1000 || s.sample > 0 && !shows {
		with := ", with --dry-run"
		if flags.approved {
			with = ""
		}
		return end, usageOf(cmd, fmt.Errorf("--sample %d: want a number from 1 to 1000%s", s.sample, with))
	}
	if s.spec = s.planned; !flags.approved && s.fix.given(cmd) {
		if s.spec, err = s.fix.spec(cmd); err != nil {
			return end, err
		}
	}
	if s.spec != nil {
		fixer, closer, err := s.fix.open(ctx, a, cmd, s.spec)
		if err != nil {
			return end, err
		}
		end = closer
		s.counts = o.UsePlanFix(s.spec, fixer)
		if shows {
			const usual = 5
			if s.sample == 0 {
				s.sample = usual
			}
			s.counts.Sample(s.sample, s.seed)
		}
	}
	if err := s.useCanary(a, cmd, c, o); err != nil {
		end()
		return func() {}, err
	}
	return end, nil
}

// checkPlannable refuses what cannot be left to a plan file, and tells of what a
// plan does not hold.
func (s *sendingFlags) checkPlannable(a *app, cmd *cobra.Command) error {
	if cmd.Flags().Changed("validate-exec") {
		return withHint(usageOf(cmd, errors.New("--validate-exec cannot go into a plan file: a command that a file names would run on the machine of whoever applies it")),
			"check by --validate json, event, schema-registry or jq:PROGRAM, which are data")
	}
	for _, name := range []string{"rate", "ramp", "max-lag", "lag-group", "canary", "stop-if-redead", "settle", "canary-patience", "keep-audit"} {
		if typed(cmd, name) {
			a.print.warn("--%s is of a run, and no part of the plan: give it to dlq apply", name)
		}
	}
	return nil
}

func (s *sendingFlags) useCanary(a *app, cmd *cobra.Command, c *kafka.Client, o *dlq.Options) error {
	share, err := parseShare(s.stopIf)
	if err != nil {
		return usageOf(cmd, fmt.Errorf("--stop-if-redead %q: %w", s.stopIf, err))
	}
	switch {
	case s.canary < 0, s.canary == 0 && cmd.Flags().Changed("canary"):
		return usageOf(cmd, fmt.Errorf("--canary %d: want a number of letters from 1", s.canary))
	case s.canary == 0 && typed(cmd, "canary-patience"):
		return usageOf(cmd, errors.New("--canary-patience is of a canary: give --canary too"))
	}
	if stop := typed(cmd, "stop-if-redead"); stop || !a.print.quiet {
		o.Follow = &dlq.FollowOptions{Settle: s.settle, Stop: stop, MaxAgain: share}
	}
	if s.canary == 0 {
		return nil
	}
	shown := ""
	return o.UseCanary(c, dlq.CanaryOptions{Letters: s.canary, MaxAgain: share, Settle: s.settle, Patience: s.patience, Report: func(r dlq.Report) {
		if text := outcomeText(&r); text != shown {
			shown = text
			a.print.status("canary: %s", text)
		}
	}})
}

// typed tells whether a flag stands in the command line: one from the
// environment is there for other commands too.
func typed(cmd *cobra.Command, flag string) bool {
	f := cmd.Flags().Lookup(flag)
	_, set := setVariable(f)
	return f.Changed && !set
}

// parseShare reads 2%, or 0.02, as a share from 0 to 1.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(number, 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n >= 0 && n <= 1) {
		return 0, errors.New("want a share from 0% to 100%")
	}
	return n, nil
}

// tell says what the plan's changes do. Whoever lets somebody else's plan go is
// shown some of them.
func (s *sendingFlags) tell(a *app, flags *runFlags) {
	if s.counts == nil {
		return
	}
	counts := s.counts.Counts()
	a.warnSigned(counts)
	switch {
	case flags.approved && !flags.dryRun:
		a.show(changesText(counts, s.counts.Samples(), s.mask, a.print.errColor))
	case counts.Changed > 0:
		a.print.status("changes %s of %s", grouped(counts.Changed), plural(counts.Letters, "letter"))
	}
}

// plannedChanges is the plan of a dry run with the changes that were sampled.
type plannedChanges struct {
	*dlq.Plan
	Fix     *dlq.PlanFix  `json:"fix"`
	Fixed   dlq.FixCounts `json:"fixed"`
	Changes []changeRow   `json:"changes"`
}

// answer is what a dry run answers with.
func (s *sendingFlags) answer(p *dlq.Plan) any {
	if s.counts == nil {
		return p
	}
	return plannedChanges{p, s.spec, s.counts.Counts(), changeRows(s.counts.Samples(), s.mask)}
}

// text shows the sampled changes to a person.
func (s *sendingFlags) text(a *app) string {
	if s.counts == nil {
		return ""
	}
	return changesText(s.counts.Counts(), s.counts.Samples(), s.mask, a.print.outColor)
}
