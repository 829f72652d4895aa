package console

import (
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Partitioner names how a record finds its partition. Records with a null key
// go to one partition until its batch is sent, then to another, except where
// the partitioner says otherwise.
type Partitioner string

// The partitioners.
const (
	Murmur2    Partitioner = "murmur2"     // as Java, kafkajs and librdkafka's murmur2_random
	FNV1a      Partitioner = "fnv1a"       // as sarama's and kaf's default
	CRC32      Partitioner = "crc32"       // as librdkafka's and kcat's consistent_random
	Random     Partitioner = "random"      // each record anywhere, whatever its key
	RoundRobin Partitioner = "round-robin" // partitions in turn, whatever the key
	Manual     Partitioner = "manual"      // the partition that the record names; it must
)

// Partitioners lists them all, the default first.
func Partitioners() []Partitioner {
	return []Partitioner{Murmur2, FNV1a, CRC32, Random, RoundRobin, Manual}
}

// ParsePartitioner checks a name.
func ParsePartitioner(name string) (Partitioner, error) {
	var names []string
	for _, p := range Partitioners() {
		if string(p) == name {
			return p, nil
		}
		names = append(names, string(p))
	}
	return "", fmt.Errorf("partitioner %q: want %s", name, strings.Join(names, ", "))
}

// sticky is the answer for a record that may go to any partition.
const sticky int32 = -1

// pick gives the partition of n for a key, or sticky. turn counts the records.
func (p Partitioner) pick(key []byte, n int32, turn int64) int32 {
	switch p {
	case Random:
		return rand.Int32N(n)
	case RoundRobin:
		return int32(turn % int64(n))
	}
	if key == nil {
		return sticky
	}
	switch p {
	case FNV1a:
		h := fnv.New32a()
		_, _ = h.Write(key)
		part := int32(h.Sum32()) % n
		if part < 0 {
			part = -part
		}
		return part
	case CRC32:
		if len(key) == 0 {
			// librdkafka does not tell an empty key from none.
			return sticky
		}
		return int32(crc32.ChecksumIEEE(key) % uint32(n))
	}
	return kafka.PartitionFor(key, n)
}
