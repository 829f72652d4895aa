package txn

import (
	"math"
	"math/bits"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// batchTarget is when a batch is full, below the bound that a broker sets
	// by default.
	batchTarget = 900 << 10
	// batchOverhead is a record batch without records (KIP-98).
	batchOverhead = 61
	// maxDistances is room for a record's distances from the batch's first
	// offset and timestamp.
	maxDistances = 9
	// maxTimeSpan bounds the distance of timestamps within a batch to what a
	// time.Duration holds, in milliseconds.
	maxTimeSpan = math.MaxInt64 / int64(time.Millisecond) / 2
)

// batch is records for one partition, by their index in the [Write].
type batch struct {
	part    kafka.TopicPartition
	indexes []int
	encoded *sarama.RecordBatch // under the sequence that it was sent with

	size int

	sequence int32
	acked    bool
	// unsure: it was sent, and may be in the log although it was not acknowledged.
	unsure bool
}

// packed splits the records of one partition into batches, in order. A record
// above the bound is a batch of its own, for the broker to judge.
func packed(tp kafka.TopicPartition, records []kafka.Record, indexes []int, bound int, now int64) []*batch {
	var batches []*batch
	var open *batch
	first := int64(0)
	for _, i := range indexes {
		n, at := sizeOf(&records[i]), stampOf(&records[i], now)
		span := at - first
		// Some clients misread a batch where only some records have a time.
		if open == nil || open.size+n > bound || (at < 0) != (first < 0) || span >= maxTimeSpan || span <= -maxTimeSpan {
			open, first = &batch{part: tp, size: batchOverhead}, at
			batches = append(batches, open)
		}
		open.indexes = append(open.indexes, i)
		open.size += n
	}
	return batches
}

// half splits the batch in two.
func (b *batch) half() (left, right *batch) {
	mid := len(b.indexes) / 2
	return &batch{part: b.part, indexes: b.indexes[:mid], size: b.size / 2}, &batch{part: b.part, indexes: b.indexes[mid:], size: b.size / 2}
}

// encode is the batch as the protocol library sends it. The same numbers give
// the same bytes, which is how a broker tells a repetition.
func (b *batch) encode(p *Producer, records []kafka.Record, now int64, sequence int32) *sarama.RecordBatch {
	if b.encoded != nil && b.sequence == sequence {
		return b.encoded
	}
	own := make([]sarama.Record, len(b.indexes))
	ptrs := make([]*sarama.Record, len(own))
	first := stampOf(&records[b.indexes[0]], now)
	last := first
	var before []*sarama.RecordHeader
	for n, i := range b.indexes {
		rec := &records[i]
		at := stampOf(rec, now)
		last = max(last, at)
		before = headersOf(rec.Headers, before)
		own[n] = sarama.Record{
			Key: rec.Key, Value: rec.Value, Headers: before,
			OffsetDelta: int64(n), TimestampDelta: time.Duration(at-first) * time.Millisecond,
		}
		ptrs[n] = &own[n]
	}
	b.sequence = sequence
	b.encoded = &sarama.RecordBatch{
		Version: 2, Codec: p.codec, CompressionLevel: sarama.CompressionLevelDefault,
		PartitionLeaderEpoch: -1, LastOffsetDelta: int32(len(ptrs) - 1),
		FirstTimestamp: batchTime(first), MaxTimestamp: batchTime(last),
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: sequence,
		IsTransactional: true, Records: ptrs,
	}
	return b.encoded
}

// headersOf takes the names of the record before where they are the same.
func headersOf(headers []kafka.Header, before []*sarama.RecordHeader) []*sarama.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	own := make([]sarama.RecordHeader, len(headers))
	ptrs := make([]*sarama.RecordHeader, len(headers))
	for i, h := range headers {
		ptrs[i] = &own[i]
		own[i].Value = h.Value
		if i < len(before) && string(before[i].Key) == h.Name {
			own[i].Key = before[i].Key
		} else {
			own[i].Key = []byte(h.Name)
		}
	}
	return ptrs
}

func stampOf(r *kafka.Record, now int64) int64 {
	if r.Timestamp.IsZero() {
		return now
	}
	return r.Timestamp.UnixMilli()
}

// batchTime is a timestamp for the protocol library, which writes -1 for the
// zero time.
func batchTime(ms int64) time.Time {
	if ms < 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// sizeOf is what a record takes somewhere in a batch, at most.
func sizeOf(r *kafka.Record) int {
	n := 1 + maxDistances + bytesLen(r.Key) + bytesLen(r.Value) + varintLen(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += varintLen(int64(len(h.Name))) + len(h.Name) + bytesLen(h.Value)
	}
	return n + varintLen(int64(n))
}

func bytesLen(b []byte) int {
	if b == nil {
		return 1
	}
	return varintLen(int64(len(b))) + len(b)
}

// varintLen is the length of n, from 0, in the zigzag encoding of records.
func varintLen(n int64) int { return (bits.Len64(uint64(n)<<1|1) + 6) / 7 }

// sequence numbers the records of one partition (KIP-98).
type sequence struct {
	next int32
	// known: the broker has acknowledged a batch of this epoch, and would notice
	// a gap. Before, it may take any batch for the first.
	known bool
	// unsure: a batch from next on may be in the log.
	unsure bool
}

// plus counts records, from 0 again after the largest.
func plus(sequence int32, n int) int32 { return int32((int64(sequence) + int64(n)) & math.MaxInt32) }
