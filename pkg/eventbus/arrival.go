package eventbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// unknownPartitions stands for a count of partitions that is not known.
const unknownPartitions = -1

// arrival is what a topic was like when the group came to it. What is written to
// partitions that it did not have came after the group, and is for it.
type arrival struct {
	id         string // the topic's (KIP-516), "" where it is not known
	partitions int32
}

// String is the arrival as a note begins with it.
func (a arrival) String() string {
	if a.partitions == unknownPartitions {
		return a.id + ".."
	}
	return a.id + "." + strconv.Itoa(int(a.partitions)) + "."
}

// before tells a partition that came after the group.
func (a arrival) before(partition int32) bool {
	return a.partitions != unknownPartitions && partition >= a.partitions
}

// of is the arrival at the topic as it is now: where it was made again, all of it came
// after the group.
func (a arrival) of(id string) arrival {
	if a.otherThan(id) {
		return arrival{id, 0}
	}
	return arrival{id, a.partitions}
}

// otherThan tells ids of two topics that had the same name one after the other.
func (a arrival) otherThan(id string) bool { return a.id != "" && id != "" && a.id != id }

// earlier is what is known by a or by b, which are of the same topic.
func (a arrival) earlier(b arrival) arrival {
	if a.partitions == unknownPartitions || b.partitions != unknownPartitions && b.partitions < a.partitions {
		a.partitions = b.partitions
	}
	return a
}

// look asks for the topics that the group reads: the topic and, where there is one, the
// topic that its letters are replayed to for this group alone.
func (b *Bus) look(ctx context.Context, topic, group string) ([]kafka.TopicMetadata, error) {
	names := []string{topic}
	if !isDeadLetterTopic(topic) {
		names = append(names, RetryTopic(topic, group))
	}
	meta, err := b.client.Metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	var found []kafka.TopicMetadata
	missing := fmt.Errorf("%s: %w", topic, kafka.ErrUnknownTopic)
	for _, t := range meta.Topics {
		switch {
		case t.Err == nil:
			found = append(found, t)
		case t.Name == topic && !errors.Is(t.Err, kafka.ErrUnknownTopic):
			missing = fmt.Errorf("%s: %w", topic, t.Err)
		}
	}
	if len(found) == 0 || found[0].Name != topic {
		return found, missing
	}
	return found, nil
}

// arrive notes what the topics are like that the group reads. It is true where one was
// made again.
func (s *subscription) arrive(found []kafka.TopicMetadata) (remade bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range found {
		a, known := s.arrivals[t.Name]
		switch {
		case !known && t.Name == s.topic:
			a = arrival{t.ID, int32(len(t.Partitions))}
		case !known: // what is replayed for a group is for it, since whenever it is there
			a = arrival{t.ID, 0}
		case a.otherThan(t.ID):
			s.obs.remade(s.opts.Group, t.Name, a.id, t.ID)
			a, remade = a.of(t.ID), true
		case a.id == "":
			a.id = t.ID
		}
		s.arrivals[t.Name] = a
	}
	return remade
}

// arrivalAt is the group's arrival at a topic, as far as this member knows.
func (s *subscription) arrivalAt(topic string) arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, known := s.arrivals[topic]; known {
		return a
	}
	return arrival{partitions: unknownPartitions}
}
