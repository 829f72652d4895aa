package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// closes tells whether the transaction was aborted for topics that only letters
// name: those letters stay then and the run goes on with the others. What
// somebody named, the queue and the ledger are what the run is about.
func (r *replayer) closes(ctx context.Context, err error) bool {
	var changed *changedError
	var refused *txn.TopicError
	switch {
	case errors.As(err, &changed):
	case errors.As(err, &refused) && errors.Is(err, kafka.ErrUnknownTopic) && r.mayClose(refused.Topic):
		// The broker that writes may hear of it before the one that is asked.
		if !errors.As(r.identity.check(ctx, r.client), &changed) {
			r.shut(refused.Topic, missingText(refused.Topic))
			return true
		}
	case errors.As(err, &refused) && errors.Is(err, kafka.ErrNotPermitted) && r.mayClose(refused.Topic):
		r.shut(refused.Topic, deniedText(refused.Topic))
		return true
	}
	if changed == nil || slices.ContainsFunc(changed.topics, func(topic string) bool { return !r.mayClose(topic) }) {
		return false
	}
	for i, topic := range changed.topics {
		r.shut(topic, changed.what[i]+" while the run was under way; a new plan tells whether there is a way now")
		if n := r.sentTo[topic]; n > 0 {
			r.opts.Notice(fmt.Sprintf("%s: %s of this run went there before and are gone with it", changed.what[i], lettersText(n)))
		}
	}
	return true
}

// shut has the letters of a topic stay from now on.
func (r *replayer) shut(topic, why string) {
	r.closed[topic] = why
	delete(r.identity, topic)
}

// mayClose tells a topic that only letters name.
func (r *replayer) mayClose(topic string) bool {
	return r.opts.To == ToOriginal && topic != r.plan.Queue && topic != r.opts.Ledger && r.plan.targets[topic] != nil
}

// stillThose is the check of a transaction that holds no letters: what became
// of a topic that takes them is no reason to abort it.
func (r *replayer) stillThose(ctx context.Context) error {
	err := r.identity.check(ctx, r.client)
	if err != nil && r.closes(ctx, err) {
		return nil
	}
	return err
}

func lettersText(n int64) string {
	if n == 1 {
		return "1 letter"
	}
	return fmt.Sprintf("%d letters", n)
}
