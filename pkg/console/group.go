package console

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// GroupOptions say how to read as a member of a consumer group: the group's
// coordinator shares the partitions out among its members, and reading begins
// at the group's offsets; where it has none, at the range's beginning, which
// is the start or the end.
type GroupOptions struct {
	// ID is the group's name.
	ID string
	// Commit moves the group's offsets past what was read, never past a wanted
	// record that is not yet written to the output.
	Commit bool
}

const (
	// settle bounds how long a partition that goes to another member waits
	// for the output to take its records.
	settle = 5 * time.Second
	// commitEvery is how often offsets are committed meanwhile.
	commitEvery = time.Second
)

// Check finds options that exclude each other.
func (o ConsumeOptions) Check() error {
	switch {
	case o.Group == nil:
		return nil
	case o.Tail > 0 || len(o.Partitions) > 0 || o.Order == ByTime:
		return fmt.Errorf("group %s: a member has no say in partitions, order or tail", o.Group.ID)
	case o.Range.To.Anchor != Unset || o.Range.From.N != 0 || o.Range.From.Anchor == At || o.Range.From.Anchor == AtTime:
		return fmt.Errorf("group %s: reading begins at the group's offsets; only start or end can be given, for where it has none", o.Group.ID)
	}
	return nil
}

// groupSource reads the partitions that a group's coordinator gives it. The
// protocol client keeps the membership; the records come by our own fetches,
// which know where a partition ends.
type groupSource struct {
	client *kafka.Client
	opts   ConsumeOptions
	out    chan<- chunk
	member sarama.ConsumerGroup

	mu    sync.Mutex
	ended map[kafka.TopicPartition]bool // of this generation
	done  bool
	err   error
	stop  context.CancelFunc

	ending <-chan struct{} // closed when the sink has written all it will
}

func (g *groupSource) run(ctx context.Context) error {
	g.ending = ctx.Done()
	ctx, g.stop = context.WithCancel(ctx)
	defer g.stop()
	found, err := findTopics(ctx, g.client, g.opts)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s: %w", g.opts.Pattern, ErrNoTopics)
	}
	names := make([]string, len(found))
	for i, t := range found {
		names[i] = t.Name
	}
	conf, err := g.config(ctx)
	if err != nil {
		return err
	}
	if err := g.client.Do(ctx, func() error {
		var err error
		g.member, err = sarama.NewConsumerGroup(g.client.Bootstrap(), g.opts.Group.ID, conf)
		return err
	}); err != nil {
		return fmt.Errorf("group %s: %w", g.opts.Group.ID, err)
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		for err := range g.member.Errors() {
			g.opts.Notice(fmt.Sprintf("group %s: %v", g.opts.Group.ID, kafka.Translate(err)))
		}
	})
	defer watch.Wait()
	defer g.member.Close()
	return g.stay(ctx, names)
}

// stay takes part in one generation of the group after the other.
func (g *groupSource) stay(ctx context.Context, names []string) error {
	var lost time.Time
	for {
		err := kafka.Translate(g.member.Consume(ctx, names, g))
		g.mu.Lock()
		done, failure := g.done, g.err
		g.mu.Unlock()
		switch {
		case failure != nil:
			return failure
		case done:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			lost = time.Time{}
			continue
		case !kafka.Retriable(err):
			return fmt.Errorf("group %s: %w", g.opts.Group.ID, err)
		case lost.IsZero():
			lost = time.Now()
			g.opts.Notice(fmt.Sprintf("group %s: %v: trying again", g.opts.Group.ID, err))
		case time.Since(lost) > 5*time.Minute:
			return fmt.Errorf("group %s: %w", g.opts.Group.ID, err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// config offers the way of sharing partitions that the group uses already,
// because members that offer no common one are refused.
func (g *groupSource) config(ctx context.Context) (*sarama.Config, error) {
	wire := g.client.Wire()
	conf := wire.ProducerConfig()
	conf.Consumer.Return.Errors = true
	conf.Consumer.Offsets.AutoCommit.Enable = false
	conf.Consumer.Offsets.Initial = sarama.OffsetNewest
	if g.opts.Range.From.Anchor == FromStart {
		conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	}
	// Its own fetches are stopped when they have hardly begun.
	conf.Consumer.Fetch.Default, conf.ChannelBufferSize = 1, 0
	var assignor string
	err := g.client.Do(ctx, func() error {
		coordinator, err := wire.Coordinator(g.opts.Group.ID)
		if err != nil {
			return err
		}
		res, err := coordinator.DescribeGroups(&sarama.DescribeGroupsRequest{Groups: []string{g.opts.Group.ID}})
		if err != nil {
			return err
		}
		for _, group := range res.Groups {
			if len(group.Members) > 0 {
				assignor = group.Protocol
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", g.opts.Group.ID, err)
	}
	ways := []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	switch assignor {
	case "", sarama.CooperativeStickyBalanceStrategyName:
		if conf.Version.IsAtLeast(sarama.V2_4_0_0) {
			ways = append([]sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}, ways...)
		}
		if assignor != "" {
			ways = ways[:1]
		}
	case sarama.RangeBalanceStrategyName:
	case sarama.RoundRobinBalanceStrategyName:
		ways = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRoundRobin()}
	case sarama.StickyBalanceStrategyName:
		ways = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	default:
		return nil, fmt.Errorf("group %s: its members share partitions by %q, which this client does not know: %w", g.opts.Group.ID, assignor, ErrGroupType)
	}
	conf.Consumer.Group.Rebalance.GroupStrategies = ways
	return conf, nil
}

// Setup implements sarama.ConsumerGroupHandler: a generation begins.
func (g *groupSource) Setup(s sarama.ConsumerGroupSession) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = map[kafka.TopicPartition]bool{}
	if g.opts.ExitAtEnd && len(s.Claims()) == 0 {
		g.opts.Notice(fmt.Sprintf("group %s: other members have all partitions", g.opts.Group.ID))
		g.done = true
		g.stop()
	}
	return nil
}

// Cleanup implements sarama.ConsumerGroupHandler: a generation ends.
func (g *groupSource) Cleanup(s sarama.ConsumerGroupSession) error { return nil }

// fail ends the run with err.
func (g *groupSource) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && !errors.Is(err, context.Canceled) {
		g.err = err
	}
	g.stop()
}

// reached notes a partition that was read to its end.
func (g *groupSource) reached(s sarama.ConsumerGroupSession, tp kafka.TopicPartition) {
	g.mu.Lock()
	g.ended[tp] = true
	g.mu.Unlock()
	g.checkEnd(s)
}

// checkEnd ends the run when all partitions that this member has were read to
// their ends.
func (g *groupSource) checkEnd(s sarama.ConsumerGroupSession) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ended) == 0 {
		return
	}
	for topic, partitions := range s.Claims() {
		for _, p := range partitions {
			if !g.ended[kafka.TopicPartition{Topic: topic, Partition: p}] {
				return
			}
		}
	}
	g.done = true
	g.stop()
}
