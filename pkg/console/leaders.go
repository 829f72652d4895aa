package console

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// leaderSource reads partitions from their leaders, one goroutine for each
// broker. When anything about the brokers or partitions changes, all of them
// stop, and start anew from where each partition is.
type leaderSource struct {
	client  *kafka.Client
	opts    ConsumeOptions
	out     chan<- chunk
	cursors []*cursor
	topics  map[string]string    // id by name, of the topics being read
	missing map[string]time.Time // since when a topic was not found
	follow  bool                 // no end is set for some partition
	past    string               // see Summary.PastEnd
	room    signal               // the sink took chunks
}

// trouble is why a partition could not be read.
type trouble struct {
	cursor *cursor
	err    error
}

func (l *leaderSource) run(ctx context.Context) error {
	var wait time.Duration
	for {
		began := time.Now()
		troubles, err := l.round(ctx)
		if err != nil {
			return err
		}
		if len(troubles) == 0 {
			if l.allEnded() {
				return nil
			}
			continue
		}
		if err := l.handle(ctx, troubles); err != nil {
			return err
		}
		if time.Since(began) > 5*time.Second {
			wait = 0
		}
		wait = min(2*time.Second, max(50*time.Millisecond, 2*wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *leaderSource) allEnded() bool {
	for _, c := range l.cursors {
		if !c.ended {
			return false
		}
	}
	return !l.follow
}

// names lists the topics being read.
func (l *leaderSource) names() []string { return slices.Sorted(maps.Keys(l.topics)) }

// byLeader sorts the partitions that have not ended by the broker to ask.
func (l *leaderSource) byLeader(ctx context.Context) (map[int32][]*cursor, []trouble, error) {
	byLeader := map[int32][]*cursor{}
	var open []*cursor
	for _, c := range l.cursors {
		if !c.ended {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return byLeader, nil, nil
	}
	meta, err := l.client.Metadata(ctx, l.names())
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	leaders := map[kafka.TopicPartition]int32{}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			leaders[kafka.TopicPartition{Topic: t.Name, Partition: p.ID}] = p.Leader
		}
	}
	var troubles []trouble
	for _, c := range open {
		leader, known := leaders[c.tp]
		switch {
		case err != nil:
			troubles = append(troubles, trouble{c, err})
		case !known:
			const unknownTopicOrPartition = 3
			troubles = append(troubles, trouble{c, fmt.Errorf("%s: %w", c.tp, kafka.NewBrokerError(unknownTopicOrPartition, ""))})
		case leader < 0:
			const leaderNotAvailable = 5
			troubles = append(troubles, trouble{c, fmt.Errorf("%s: %w", c.tp, kafka.NewBrokerError(leaderNotAvailable, ""))})
		default:
			byLeader[leader] = append(byLeader[leader], c)
		}
	}
	return byLeader, troubles, nil
}

// round reads until all partitions ended, one is in trouble, or the set of
// partitions changed.
func (l *leaderSource) round(ctx context.Context) ([]trouble, error) {
	byLeader, troubles, err := l.byLeader(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.tell(ctx); err != nil {
		return nil, err
	}
	fetch := l.fetchOptions()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	failed := make(chan []trouble, len(byLeader))
	for _, cursors := range byLeader {
		wg.Go(func() {
			if t := l.read(inner, cursors, fetch); len(t) > 0 && inner.Err() == nil {
				failed <- t
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var again <-chan time.Time
	if len(troubles) > 0 {
		// Partitions without a leader are looked up again; the others are read meanwhile.
		again = time.After(time.Second)
	}
	err = l.watch(ctx, done, failed, again)
	stop()
	<-done
	for len(failed) > 0 {
		troubles = append(troubles, <-failed...)
	}
	return troubles, err
}

// watch waits for what ends a round.
func (l *leaderSource) watch(ctx context.Context, done <-chan struct{}, failed chan []trouble, again <-chan time.Time) error {
	refresh := time.NewTicker(l.opts.Refresh)
	defer refresh.Stop()
	var clock <-chan time.Time
	if until := l.opts.Range.To.Time; l.follow && !until.IsZero() {
		clock = time.After(time.Until(until))
	}
	for {
		select {
		case <-done:
			if !l.follow || again != nil || len(failed) > 0 {
				return nil
			}
			done = nil // nothing to read yet, but there will be
		case t := <-failed:
			failed <- t // there is room: it was just taken from there
			return nil
		case <-again:
			return nil
		case <-clock:
			return l.endNow(ctx)
		case <-refresh.C:
			if !l.follow {
				continue
			}
			changed, err := l.refresh(ctx)
			if changed || err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
