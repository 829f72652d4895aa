package eventbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// rejoinWait is how long a member that lost its cluster waits before it
	// tries to join again, doubled up to longRejoinWait.
	rejoinWait     = 500 * time.Millisecond
	longRejoinWait = 15 * time.Second
)

// join makes the membership, which begins with its first session.
func (s *subscription) join(ctx context.Context) (sarama.ConsumerGroup, error) {
	wire := s.bus.client.Wire()
	conf := wire.ProducerConfig()
	conf.Metadata.RefreshFrequency = s.bus.lookEvery
	conf.Consumer.Return.Errors = true
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	conf.Consumer.Offsets.AutoCommit.Enable = false
	conf.Consumer.Offsets.Initial = sarama.OffsetNewest
	if s.opts.FromBeginning {
		conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	}
	// A claim keeps the client waiting for at most patience.
	conf.Consumer.MaxProcessingTime = 5 * time.Second
	conf.Consumer.Group.Rebalance.Timeout = rebalanceTimeout
	conf.Consumer.Group.Session.Timeout = s.opts.SessionTimeout
	conf.Consumer.Group.Heartbeat.Interval = min(3*time.Second, s.opts.SessionTimeout/3)
	conf.Consumer.Group.InstanceId = s.opts.InstanceID
	// A partition that was paused is fetched again with the next request, after the one
	// that waits for the others: no longer than there is work left.
	conf.Consumer.MaxWaitTime = 200 * time.Millisecond
	conf.Consumer.Fetch.Default = 1 << 20
	conf.ChannelBufferSize = 2 * burst
	conf.Consumer.Group.Rebalance.GroupStrategies = s.strategies(conf.Version)
	var member sarama.ConsumerGroup
	err := s.bus.client.Do(ctx, func() error {
		var err error
		member, err = sarama.NewConsumerGroup(s.bus.client.Bootstrap(), s.opts.Group, conf)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", s.opts.Group, err)
	}
	return member, nil
}

// strategies are of this member alone: they have a state.
func (s *subscription) strategies(version sarama.KafkaVersion) []sarama.BalanceStrategy {
	if !version.IsAtLeast(sarama.V2_4_0_0) {
		return []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	}
	list := []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	if s.opts.Rebalance == RebalanceEither {
		list = append(list, sarama.NewBalanceStrategyRange())
	}
	return list
}

// run is the life of the subscription's own goroutine.
func (s *subscription) run(ctx context.Context, member sarama.ConsumerGroup) {
	own := s.live(ctx, member)
	close(s.finished)
	if own != nil && s.opts.Ended != nil { // which may call stop or Close
		s.opts.Ended(own)
	}
}

// live takes part in the group until the subscription is over. It returns why it
// ended by itself, nil where it was ended.
func (s *subscription) live(ctx context.Context, member sarama.ConsumerGroup) error {
	s.background.Go(func() {
		for err := range member.Errors() {
			s.obs.groupError(s.opts.Group, s.topic, kafka.Translate(err))
		}
	})
	ended := context.AfterFunc(ctx, func() { s.stopping.Do(func() { close(s.stopped) }) })
	defer ended()
	s.stay(member)
	err := member.Close() // leaves the group
	if err != nil {
		s.obs.groupError(s.opts.Group, s.topic, kafka.Translate(err))
	}
	s.release()
	s.mu.Lock()
	own := s.endErr
	s.phase = phaseEnded
	s.mu.Unlock()
	if own == nil {
		s.bus.remove(s)
	} else { // health goes on telling of it
		s.obs.ended(s.opts.Group, s.topic, own)
	}
	return own
}

// stay takes part in one session of the group after the other.
func (s *subscription) stay(member sarama.ConsumerGroup) {
	wait := rejoinWait
	for {
		began := time.Now()
		err := kafka.Translate(s.session(member))
		select {
		case <-s.stopped:
			return
		default:
		}
		if time.Since(began) > longRejoinWait {
			wait = rejoinWait
		}
		if err == nil {
			continue
		}
		s.obs.groupError(s.opts.Group, s.topic, err)
		s.mu.Lock()
		s.phase, s.lastErr = phaseJoining, err
		if !s.curable(err) {
			s.end(fmt.Errorf("group %s: %w", s.opts.Group, err))
		}
		s.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.stopped:
		}
		timer.Stop()
		wait = min(2*wait, longRejoinWait)
	}
}

// curable tells errors that joining again may cure. Permissions and topics come
// back like brokers do; what does not is a group of another kind or another
// member under the same instance id.
func (s *subscription) curable(err error) bool {
	var be *kafka.BrokerError
	if !errors.As(err, &be) {
		return true
	}
	switch sarama.KError(be.Code) {
	case sarama.ErrInconsistentGroupProtocol, sarama.ErrFencedInstancedId, sarama.ErrInvalidSessionTimeout, sarama.ErrInvalidGroupId:
		return false
	}
	return true
}

// session takes part in one session, until it ends, the retry topic appears, or a topic
// was deleted or made again.
func (s *subscription) session(member sarama.ConsumerGroup) error {
	ctx, cancel := context.WithCancel(s.bus.life)
	defer cancel()
	over := make(chan struct{})
	defer func() { <-over }()
	defer cancel()
	topics := []string{s.topic}
	switch found, err := s.bus.look(ctx, s.topic, s.opts.Group); {
	case err == nil:
		s.arrive(found)
		topics = names(found)
	case errors.Is(err, kafka.ErrUnknownTopic):
		close(over)
		return err
	}
	go func() {
		defer close(over)
		tick := time.NewTicker(s.bus.lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.stopped:
				cancel()
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				found, err := s.bus.look(ctx, s.topic, s.opts.Group)
				if err == nil && (s.arrive(found) || len(found) > len(topics)) || errors.Is(err, kafka.ErrUnknownTopic) {
					cancel()
					return
				}
			}
		}
	}()
	return member.Consume(ctx, topics, s)
}

func names(topics []kafka.TopicMetadata) []string {
	list := make([]string, len(topics))
	for i, t := range topics {
		list[i] = t.Name
	}
	return list
}

// RetryTopic is where letters of a topic are replayed to for one group alone.
// A group reads it beside the topic itself where it exists.
func RetryTopic(topic, group string) string { return topic + ".retry." + group }
