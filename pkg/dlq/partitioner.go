package dlq

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// partitioner gives the partition of a key that is not null.
type partitioner struct {
	name string
	pick func(key []byte, n int32) int32
}

// partitioners lists those of the clients that people use: murmur2 of Java,
// kafkajs and this module; crc32 of librdkafka's default; fnv1a of sarama's.
func partitioners() []partitioner {
	return []partitioner{
		{"murmur2", kafka.PartitionFor},
		{"crc32", func(key []byte, n int32) int32 { return int32(crc32.ChecksumIEEE(key) % uint32(n)) }},
		{"fnv1a", func(key []byte, n int32) int32 {
			h := fnv.New32a()
			_, _ = h.Write(key)
			p := int32(h.Sum32()) % n
			if p < 0 {
				p = -p
			}
			return p
		}},
	}
}

// The values of [Options.Partition] that name no partitioner.
const (
	partitionOriginal = "original"
	partitionKey      = "key"
)

// partitionerNamed finds a partitioner; nil where the name leaves it open.
func partitionerNamed(name string) (*partitioner, error) {
	switch name {
	case "", partitionOriginal, partitionKey:
		return nil, nil
	}
	for _, p := range partitioners() {
		if p.name == name {
			return &p, nil
		}
	}
	return nil, errorf(ErrInvalid, "partition %q: want original, key, murmur2, crc32 or fnv1a", name)
}

// detected is the partitioner that put a topic's records where they are.
type detected struct {
	partitioner
	matched, of int
}

func (d detected) String() string {
	if d.of == 0 {
		return d.name + ", no keyed record to tell it by"
	}
	return fmt.Sprintf("%s matched %d/%d", d.name, d.matched, d.of)
}

const detectSample = 200

// detectPartitioner finds out by the last keyed records of a topic. Where none
// of the known ones fits them it is murmur2 with what it matched.
func detectPartitioner(ctx context.Context, c *kafka.Client, t *topicFacts) (detected, error) {
	b, err := readBounds(ctx, c, t.name, t.partitions)
	if err != nil {
		return detected{}, err
	}
	from, until := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	each := max(10, detectSample/int64(t.partitions)+1)
	for p := range t.partitions {
		tp := kafka.TopicPartition{Topic: t.name, Partition: p}
		if b.end[p] > b.start[p] {
			from[tp], until[tp] = max(b.start[p], b.end[p]-each), b.end[p]
		}
	}
	known := partitioners()
	hits := make([]int, len(known))
	seen := 0
	enough := errors.New("enough")
	err = c.ReadUntil(ctx, from, until, readerPatience, kafka.FetchOptions{MaxPartition: 256 << 10}, func(f kafka.Fetched) error {
		for i := range f.Records {
			r := &f.Records[i]
			if r.Key == nil {
				continue
			}
			if seen++; seen > 4*detectSample {
				return enough
			}
			for j, p := range known {
				if p.pick(r.Key, t.partitions) == r.Partition {
					hits[j]++
				}
			}
		}
		return nil
	})
	var open *kafka.OpenTransactionError
	if err != nil && !errors.Is(err, enough) && !errors.As(err, &open) {
		return detected{}, err
	}
	best := 0
	for j := range known {
		if hits[j] > hits[best] {
			best = j
		}
	}
	return detected{known[best], hits[best], min(seen, 4*detectSample)}, nil
}
