package dlq

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// stretch is the offsets of one partition that a reader may see: from its
// start up to, and without, its last stable offset.
type stretch struct {
	partition  int32
	start, end int64
}

// offsetsFunc asks for offsets as [kafka.Client.Offsets] does.
type offsetsFunc func(context.Context, map[kafka.TopicPartition]int64, kafka.Isolation) (map[kafka.TopicPartition]int64, error)

// atOnce asks each leader of meta once: whoever lists queues rather learns of a
// partition without leader than waits for one.
func atOnce(c *kafka.Client, meta kafka.Metadata) offsetsFunc {
	return func(ctx context.Context, at map[kafka.TopicPartition]int64, isolation kafka.Isolation) (map[kafka.TopicPartition]int64, error) {
		return c.OffsetsIn(ctx, meta, at, isolation)
	}
}

// stretches asks where the partitions of topics begin and end, in two requests
// to every leader however many topics there are. What a leader did not tell is
// in failed, by topic.
func stretches(ctx context.Context, offsets offsetsFunc, topics []kafka.TopicMetadata) (found map[string][]stretch, failed map[string]error, err error) {
	first, last := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
			first[tp], last[tp] = kafka.Earliest, kafka.Latest
		}
	}
	starts, errStart := offsets(ctx, first, kafka.ReadCommitted)
	ends, errEnd := offsets(ctx, last, kafka.ReadCommitted)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	found, failed = map[string][]stretch{}, map[string]error{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
			start, hasStart := starts[tp]
			end, hasEnd := ends[tp]
			if !hasStart || !hasEnd {
				failed[t.Name] = firstOf(kafka.PartitionErrors(errStart)[tp], kafka.PartitionErrors(errEnd)[tp], errStart, errEnd, kafka.ErrUnreachable)
				continue
			}
			found[t.Name] = append(found[t.Name], stretch{partition: p.ID, start: start, end: max(start, end)})
		}
	}
	return found, failed, nil
}

// keptBack counts, by topic, the offsets after the ends of parts: those that an open
// transaction keeps back from readers of committed records.
func keptBack(ctx context.Context, c *kafka.Client, meta kafka.Metadata, parts map[string][]stretch) (map[string]int64, error) {
	at := map[kafka.TopicPartition]int64{}
	for topic, list := range parts {
		for _, s := range list {
			at[kafka.TopicPartition{Topic: topic, Partition: s.partition}] = kafka.Latest
		}
	}
	// What a leader does not tell counts as nothing: it may have moved since it told
	// the ends.
	high, _ := c.OffsetsIn(ctx, meta, at, kafka.ReadUncommitted)
	kept := map[string]int64{}
	for topic, list := range parts {
		for _, s := range list {
			kept[topic] += max(0, high[kafka.TopicPartition{Topic: topic, Partition: s.partition}]-s.end)
		}
	}
	return kept, ctx.Err()
}

func firstOf(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	return errs[i]
}

// keeping is how long a topic keeps a record.
type keeping struct {
	age      time.Duration // 0 for ever
	known    bool          // the age is
	bytes    int64         // of a partition at most, 0 without a bound
	compacts bool          // of one key only the newest
}

// retentions tells how long topics keep a record. One that no broker tells about
// is missing.
func retentions(ctx context.Context, c *kafka.Client, names []string) (map[string]keeping, error) {
	found := make(map[string]keeping, len(names))
	for some := range slices.Chunk(names, 100) {
		req := &sarama.DescribeConfigsRequest{Version: 1}
		for _, name := range some {
			req.Resources = append(req.Resources, &sarama.ConfigResource{
				Type: sarama.TopicResource, Name: name, ConfigNames: []string{"retention.ms", "retention.bytes", "cleanup.policy"},
			})
		}
		res, err := request.ToAny(ctx, c, func(b *sarama.Broker) (*sarama.DescribeConfigsResponse, error) { return b.DescribeConfigs(req) })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // a broker that may not tell: expiry is unknown then
		}
		for _, r := range res.Resources {
			if r.ErrorCode == 0 {
				found[r.Name] = retentionOf(r)
			}
		}
	}
	return found, nil
}

func retentionOf(r *sarama.ResourceResponse) keeping {
	k, deletes := keeping{}, true
	for _, e := range r.Configs {
		switch e.Name {
		case "cleanup.policy":
			deletes, k.compacts = strings.Contains(e.Value, "delete"), strings.Contains(e.Value, "compact")
		case "retention.ms":
			ms, err := strconv.ParseInt(e.Value, 10, 64)
			k.known = err == nil
			if ms > 0 && ms < int64(1<<62)/int64(time.Millisecond) {
				k.age = time.Duration(ms) * time.Millisecond
			}
		case "retention.bytes":
			if n, err := strconv.ParseInt(e.Value, 10, 64); err == nil && n >= 0 {
				k.bytes = max(n, 1)
			}
		}
	}
	if !deletes {
		k.age, k.known, k.bytes = 0, true, 0
	}
	return k
}
