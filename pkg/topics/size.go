package topics

import (
	"context"
	"errors"
	"sync"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func isUnknown(err error) bool { return errors.Is(err, kafka.ErrUnknownTopic) }

// sizes asks every broker for the bytes its replicas take on disk and sums
// them by partition; names limits it to topics, nil is all. What a broker does
// not tell, for want of a permission or of the request, is missing.
func (a *Admin) sizes(ctx context.Context, meta kafka.Metadata, names []string) map[kafka.TopicPartition]int64 {
	var (
		mu  sync.Mutex
		wg  sync.WaitGroup
		sum = map[kafka.TopicPartition]int64{}
	)
	asked := describedTopics(meta, names)
	for _, broker := range meta.Brokers {
		wg.Go(func() {
			res, err := request.To(ctx, a.client, broker.ID, func(b *sarama.Broker) (*sarama.DescribeLogDirsResponse, error) {
				return b.DescribeLogDirs(&sarama.DescribeLogDirsRequest{Version: 4, DescribeTopics: asked})
			})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, dir := range res.LogDirs {
				addSizes(sum, dir)
			}
		})
	}
	wg.Wait()
	return sum
}

func describedTopics(meta kafka.Metadata, names []string) []sarama.DescribeLogDirsRequestTopic {
	var list []sarama.DescribeLogDirsRequestTopic
	for _, t := range meta.Topics {
		for _, name := range names {
			if t.Name != name {
				continue
			}
			topic := sarama.DescribeLogDirsRequestTopic{Topic: name}
			for _, p := range t.Partitions {
				topic.PartitionIDs = append(topic.PartitionIDs, p.ID)
			}
			list = append(list, topic)
		}
	}
	return list
}

func addSizes(sum map[kafka.TopicPartition]int64, dir sarama.DescribeLogDirsResponseDirMetadata) {
	for _, t := range dir.Topics {
		for _, p := range t.Partitions {
			// A future replica is a copy on its way to another directory.
			if p.IsTemporary {
				continue
			}
			sum[kafka.TopicPartition{Topic: t.Topic, Partition: p.PartitionID}] += p.Size
		}
	}
}

// sumSizes adds up a topic's partitions, nil when nothing is known of any.
func sumSizes(sizes map[kafka.TopicPartition]int64, t Topic) *int64 {
	var sum int64
	known := false
	for p := range t.Partitions {
		if n, ok := sizes[kafka.TopicPartition{Topic: t.Name, Partition: int32(p)}]; ok {
			sum += n
			known = true
		}
	}
	if !known {
		return nil
	}
	return &sum
}
