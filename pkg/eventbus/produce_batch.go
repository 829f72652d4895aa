package eventbus

import (
	"math"
	"time"

	"github.com/IBM/sarama"
)

// producerID tells a broker who numbered a batch (KIP-98); -1 is nobody.
type producerID struct {
	id    int64
	epoch int16
}

func noProducer() producerID { return producerID{id: -1, epoch: -1} }

// encode is a batch as the protocol library writes it.
func (l *outbound) encode(batch []*parcel, codec sarama.CompressionCodec) *sarama.RecordBatch {
	now := time.Now()
	first := stampOf(batch[0], now)
	last := first
	n := 0
	for _, p := range batch {
		n += len(p.headers)
	}
	headers := make([]sarama.RecordHeader, 0, n)
	ptrs := make([]*sarama.RecordHeader, 0, n)
	records := make([]sarama.Record, len(batch))
	out := make([]*sarama.Record, len(batch))
	for i, p := range batch {
		at := stampOf(p, now)
		last = max(last, at)
		r := &records[i]
		r.Key, r.Value = p.key, p.value
		r.OffsetDelta, r.TimestampDelta = int64(i), time.Duration(at-first)*time.Millisecond
		if len(p.headers) > 0 {
			start := len(ptrs)
			for _, h := range p.headers {
				headers = append(headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
				ptrs = append(ptrs, &headers[len(headers)-1])
			}
			r.Headers = ptrs[start:len(ptrs):len(ptrs)]
		}
		out[i] = r
	}
	return &sarama.RecordBatch{
		Version: 2, Codec: codec, CompressionLevel: sarama.CompressionLevelDefault,
		PartitionLeaderEpoch: -1, LastOffsetDelta: int32(len(out) - 1),
		FirstTimestamp: time.UnixMilli(first), MaxTimestamp: time.UnixMilli(last),
		ProducerID: l.producer.id, ProducerEpoch: l.producer.epoch, FirstSequence: l.sequence,
		Records: out,
	}
}

// stampOf is a record's timestamp in milliseconds.
func stampOf(p *parcel, now time.Time) int64 {
	if p.timestamp.IsZero() {
		return now.UnixMilli()
	}
	return p.timestamp.UnixMilli()
}

// nextSequence counts records, from 0 again after the largest (KIP-98).
func nextSequence(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}
