package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// dlqChangeCommands are the dlq commands that write, and those that read what
// was written.
func (a *app) dlqChangeCommands() []*cobra.Command {
	return []*cobra.Command{
		newDLQReplayCommand(a),
		newDLQEditCommand(a),
		newDLQApplyCommand(a),
		newDLQDiscardCommand(a),
		newDLQParkCommand(a),
		newDLQUndoCommand(a),
		newDLQRunsCommand(a),
		newDLQWatchCommand(a),
		newDLQTraceCommand(a),
		newDLQVerifyCommand(a),
		newDLQLedgerCommand(a),
	}
}

// explainRun gives an error of a run its exit code and its hint.
func explainRun(err error) error {
	var busy *dlq.BusyError
	var canary *dlq.CanaryError
	var again *dlq.AgainError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &canary):
		return explainCanary(canary)
	case errors.As(err, &again):
		return withHint(withCode(err, exitPartly), "see it with: manage-kafka dlq show %s %s", again.Queue, again.Failure.Letter)
	case errors.Is(err, fix.ErrGivenUp):
		return withHint(err, "nothing was sent in vain: what was committed stays; make the program cheaper")
	case errors.As(err, &busy):
		return withHint(withCode(err, exitBusy), "wait, watch it with: manage-kafka dlq watch %s, or take it over with --takeover", busy.Run.ID)
	case errors.Is(err, dlq.ErrInvalid):
		return withCode(err, exitUsage)
	case errors.Is(err, dlq.ErrNoLedger):
		return withHint(err, "make one with: manage-kafka dlq ledger init")
	case errors.Is(err, dlq.ErrPlanUnfit):
		return withHint(withCode(err, exitConflict), "have a new plan made with: manage-kafka dlq replay DLQ --plan FILE")
	case errors.Is(err, dlq.ErrRemade):
		return withHint(withCode(err, exitConflict), "what was committed stands in the ledger, which is not in doubt; see which runs there were with: manage-kafka dlq runs, and whether their letters are on their targets with: manage-kafka dlq verify RUN")
	case errors.Is(err, dlq.ErrConflict):
		return withHint(withCode(err, exitConflict), "see what the ledger knows with: manage-kafka dlq runs; after checking, mend it with: manage-kafka dlq ledger rebuild DLQ --from TOPIC, or reset DLQ")
	case errors.Is(err, dlq.ErrNoTarget):
		return withHint(err, "see the topics there are with: manage-kafka list-topics; name another with --to, or select letters that go elsewhere")
	case errors.Is(err, dlq.ErrBusy):
		return withCode(err, exitBusy)
	case errors.Is(err, dlq.ErrNothingMatched):
		return withCode(err, exitNoMatch)
	case errors.Is(err, dlq.ErrPartly):
		return withCode(err, exitPartly)
	case errors.Is(err, dlq.ErrStuck):
		return withCode(err, exitUnreachable)
	case errors.Is(err, kafka.ErrNotPermitted):
		return withHint(err, "replays need the rights that \"manage-kafka dlq replay --help\" lists; without transactions: --at-least-once (duplicates are possible after a crash)")
	case errors.Is(err, kafka.ErrUnknownTopic):
		return withHint(err, "see the queues there are with: manage-kafka dlq list")
	}
	return err
}
