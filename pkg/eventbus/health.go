package eventbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What [Health.Status] says.
const (
	StatusUp   = "up"
	StatusDown = "down"
)

// healthTimeout bounds the question that Health asks the cluster.
const healthTimeout = 5 * time.Second

// Health is how a Bus fares: its JSON is what a readiness check answers.
type Health struct {
	// Status is up or down.
	Status  string        `json:"status"`
	Details HealthDetails `json:"details"`
	// Error says why the status is down, "" when it is up.
	Error string `json:"error,omitempty"`
}

// HealthDetails are the numbers behind a status.
type HealthDetails struct {
	// TopicCount counts the cluster's topics without its own, as far as the
	// service may see them; 0 when it does not answer.
	TopicCount int `json:"topicCount"`
	// Brokers counts the brokers that the cluster says are alive.
	Brokers int `json:"brokers"`
	// Groups are the Bus's subscriptions.
	Groups []GroupState `json:"groups"`
	// Breaker is the state of producing: closed, half-open or open.
	Breaker string `json:"breaker"`
	// LastProduceAt is when an event was last acknowledged; absent before the
	// first.
	LastProduceAt *time.Time `json:"lastProduceAt,omitempty"`
}

// Health asks the cluster for its topics and says how the Bus fares. It is down
// when the cluster does not answer within 5 seconds or ctx, the Bus is closed, a
// subscription ended by itself or cannot join its group, as when its topic was
// deleted, a handler is stuck, or a dead letter cannot be written. Open breakers and lag leave it up: another instance would have them
// too. It is a check of readiness; the process of a Bus that is down is fine.
func (b *Bus) Health(ctx context.Context) Health {
	state := b.states()
	h := Health{Status: StatusUp, Details: HealthDetails{Groups: state.groups, Breaker: state.produceBreaker}}
	if ns := b.lastProduce.Load(); ns > 0 {
		at := time.Unix(0, ns).UTC()
		h.Details.LastProduceAt = &at
	}
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("no answer of the cluster in %v", healthTimeout))
	defer cancel()
	meta, err := b.client.Metadata(ctx, nil)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return h.down(err)
	}
	h.Details.Brokers = len(meta.Brokers)
	for _, t := range meta.Topics {
		if !t.Internal {
			h.Details.TopicCount++
		}
	}
	var errs []error
	for _, g := range state.groups {
		errs = append(errs, g.fault())
	}
	if err := errors.Join(errs...); err != nil {
		return h.down(err)
	}
	return h
}

func (h Health) down(err error) Health {
	h.Status, h.Error = StatusDown, err.Error()
	return h
}

// fault says why a subscription is not ready, nil when it is.
func (g GroupState) fault() error {
	name := fmt.Sprintf("group %s, topic %s: ", g.Group, g.Topic)
	switch {
	case g.State == phaseEnded:
		return errors.New(name + "ended: " + g.Error)
	case g.State == phaseJoining && g.Error != "":
		return errors.New(name + "cannot join: " + g.Error)
	case g.LettersFailing > 0:
		return fmt.Errorf("%s%d keys wait because their dead letters cannot be written", name, g.LettersFailing)
	case g.Stuck > 0:
		return fmt.Errorf("%s%d handlers are stuck", name, g.Stuck)
	}
	return nil
}

// states is what the Bus is doing, without asking anybody.
func (b *Bus) states() busState {
	b.mu.Lock()
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	state := busState{produceBreaker: b.breaker.state(), groups: make([]GroupState, len(subs))}
	for i, s := range subs {
		state.groups[i] = s.state()
	}
	slices.SortFunc(state.groups, func(a, c GroupState) int {
		return cmp.Or(strings.Compare(a.Topic, c.Topic), strings.Compare(a.Group, c.Group))
	})
	return state
}

// TopicID is the id (KIP-516) of a topic, which changes when the topic is deleted
// and made again; "" on brokers before 2.8. It reports kafka.ErrUnknownTopic and
// [ErrClosed].
func (b *Bus) TopicID(ctx context.Context, topic string) (string, error) {
	meta, err := b.client.Metadata(ctx, []string{topic})
	if err != nil {
		return "", err
	}
	for _, t := range meta.Topics {
		if t.Name != topic {
			continue
		}
		if t.Err != nil {
			return "", fmt.Errorf("%s: %w", topic, t.Err)
		}
		return t.ID, nil
	}
	return "", fmt.Errorf("%s: %w", topic, kafka.ErrUnknownTopic)
}
