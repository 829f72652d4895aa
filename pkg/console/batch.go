package console

import (
	"math"
	"math/bits"
	"time"

	"github.com/IBM/sarama"
)

const (
	// batchTarget is when a batch is full. Its size matters more to speed than
	// anything else; above this little is gained.
	batchTarget = 900 << 10
	// batchRecords bounds the records of a batch: small ones weigh more for what
	// is kept about them than for their bytes.
	batchRecords = 10_000
	// recordWeight is about what is kept of a record beside its bytes, and
	// headerWeight of a header.
	recordWeight = 170
	headerWeight = 60
	// batchOverhead is a record batch without records (KIP-98).
	batchOverhead = 61
	// maxTimeSpan bounds the distance of timestamps within a batch to what a
	// time.Duration holds, in milliseconds.
	maxTimeSpan = math.MaxInt64 / int64(time.Millisecond) / 2
)

// batch is records for one partition, with copies of their bytes.
type batch struct {
	part    *partition
	records []sarama.Record
	lines   []int64 // the input position of each record, ascending
	headers []sarama.RecordHeader
	ptrs    []*sarama.RecordHeader
	chunk   []byte // where bytes are copied to; full chunks live on in their records
	size    int    // encoded, without compression
	payload int64  // keys, values and headers
	first   int64  // timestamp of the first record
	last    int64  // largest timestamp
	born    time.Time
	split   bool // shares its memory with another batch

	sequence int32
	id       producerID
	attempts int
	sent     bool // may have reached the broker
}

func (b *batch) reset() {
	clear(b.records)
	clear(b.headers)
	clear(b.ptrs)
	*b = batch{records: b.records[:0], lines: b.lines[:0], headers: b.headers[:0], ptrs: b.ptrs[:0], chunk: b.chunk[:0]}
}

// weight is about the memory that the batch takes.
func (b *batch) weight() int {
	return b.size + len(b.records)*recordWeight + len(b.headers)*headerWeight
}

// fits tells whether a record of size belongs into the batch.
func (b *batch) fits(size int, timestamp int64, target int) bool {
	if len(b.records) == 0 {
		return true
	}
	if (timestamp < 0) != (b.first < 0) {
		// Some clients misread a batch where only some records have a time.
		return false
	}
	span := timestamp - b.first
	return b.size+size <= target && len(b.records) < batchRecords && span < maxTimeSpan && span > -maxTimeSpan
}

// add copies the record in.
func (b *batch) add(rec *inRecord, extra []rawHeader, timestamp, line int64, size int) {
	if len(b.records) == 0 {
		b.first, b.last, b.size, b.born = timestamp, timestamp, batchOverhead, time.Now()
	}
	b.last = max(b.last, timestamp)
	start := len(b.ptrs)
	b.addHeaders(rec.headers)
	b.addHeaders(extra)
	r := sarama.Record{
		Key: b.keep(rec.key), Value: b.keep(rec.value),
		OffsetDelta:    int64(len(b.records)),
		TimestampDelta: time.Duration(timestamp-b.first) * time.Millisecond,
	}
	if len(b.ptrs) > start {
		r.Headers = b.ptrs[start:len(b.ptrs):len(b.ptrs)]
	}
	b.records = append(b.records, r)
	b.lines = append(b.lines, line)
	b.size += size
	b.payload += int64(rec.bytes())
	for _, h := range extra {
		b.payload += int64(len(h.name) + len(h.value))
	}
}

// addHeaders keeps pointers into a slice that may grow: those already handed
// out then point into its former memory, which holds the same.
func (b *batch) addHeaders(headers []rawHeader) {
	for _, h := range headers {
		b.headers = append(b.headers, sarama.RecordHeader{Key: b.keep(notNil(h.name)), Value: b.keep(h.value)})
		b.ptrs = append(b.ptrs, &b.headers[len(b.headers)-1])
	}
}

// keep copies p. Null stays nil and empty stays not nil: the encoder writes
// null for nil.
func (b *batch) keep(p []byte) []byte {
	if p == nil {
		return nil
	}
	if len(b.chunk)+len(p) > cap(b.chunk) {
		b.chunk = make([]byte, 0, max(len(p), min(2*cap(b.chunk), batchTarget+batchTarget/8), 4<<10))
	}
	start := len(b.chunk)
	b.chunk = append(b.chunk, p...)
	return notNil(b.chunk[start:len(b.chunk):len(b.chunk)])
}

// without is the batch less the records that drop numbers, in ascending order.
func (b *batch) without(drop []int) *batch {
	rest := &batch{part: b.part, split: true, born: b.born, first: b.first, last: b.last, size: batchOverhead}
	for i, r := range b.records {
		if len(drop) > 0 && drop[0] == i {
			drop = drop[1:]
			continue
		}
		r.OffsetDelta = int64(len(rest.records))
		rest.records = append(rest.records, r)
		rest.lines = append(rest.lines, b.lines[i])
		rest.size += sentSize(&r)
		rest.payload += payloadOf(&r)
	}
	rest.stamp(b.first)
	return rest
}

// half splits the batch in two.
func (b *batch) half() (left, right *batch) {
	mid := len(b.records) / 2
	var head, tail []int
	for i := range b.records {
		if i < mid {
			head = append(head, i)
		} else {
			tail = append(tail, i)
		}
	}
	return b.without(tail), b.without(head)
}

// before keeps the records of lines before line.
func (b *batch) before(line int64) *batch {
	n := 0
	for n < len(b.lines) && b.lines[n] < line {
		n++
	}
	if n == len(b.lines) {
		return b
	}
	var drop []int
	for i := n; i < len(b.lines); i++ {
		drop = append(drop, i)
	}
	return b.without(drop)
}

// stamp makes timestamps relative to the first record of the batch again.
func (b *batch) stamp(old int64) {
	if len(b.records) == 0 {
		return
	}
	shift := b.records[0].TimestampDelta
	b.first = old + shift.Milliseconds()
	b.last = b.first
	for i := range b.records {
		b.records[i].TimestampDelta -= shift
		b.last = max(b.last, b.first+b.records[i].TimestampDelta.Milliseconds())
	}
}

// timeOf is the timestamp of the batch's record i.
func (b *batch) timeOf(i int) int64 {
	return b.first + b.records[i].TimestampDelta.Milliseconds()
}

// wire is the batch as the protocol library encodes it.
func (b *batch) wire(codec sarama.CompressionCodec, transactional bool) *sarama.RecordBatch {
	ptrs := make([]*sarama.Record, len(b.records))
	for i := range b.records {
		ptrs[i] = &b.records[i]
	}
	return &sarama.RecordBatch{
		Version: 2, Codec: codec, CompressionLevel: sarama.CompressionLevelDefault,
		PartitionLeaderEpoch: -1, LastOffsetDelta: int32(len(ptrs) - 1),
		FirstTimestamp: batchTime(b.first), MaxTimestamp: batchTime(b.last),
		ProducerID: b.id.id, ProducerEpoch: b.id.epoch, FirstSequence: b.sequence,
		IsTransactional: transactional, Records: ptrs,
	}
}

// batchTime is a timestamp for the protocol library, which writes -1 for the
// zero time.
func batchTime(ms int64) time.Time {
	if ms < 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// A record's encoded length depends on where it stands in its batch, by the
// distances from the batch's first offset and timestamp: maxDistances is room
// for them, and alone they take a byte each.
const (
	maxDistances   = 9
	aloneDistances = 2
)

// contentSize is a record without its length and its distances.
func contentSize(rec *inRecord, extra []rawHeader) int {
	n := 1 + bytesLen(rec.key) + bytesLen(rec.value) + varintLen(int64(len(rec.headers)+len(extra)))
	for _, h := range rec.headers {
		n += bytesLen(h.name) + bytesLen(h.value)
	}
	for _, h := range extra {
		n += bytesLen(h.name) + bytesLen(h.value)
	}
	return n
}

func sentSize(r *sarama.Record) int {
	n := 1 + bytesLen(r.Key) + bytesLen(r.Value) + varintLen(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += bytesLen(h.Key) + bytesLen(h.Value)
	}
	return inBatch(n)
}

// inBatch is what content takes somewhere in a batch, at most.
func inBatch(content int) int {
	return content + maxDistances + varintLen(int64(content+maxDistances))
}

// asBatch is a batch of this content alone, exactly.
func asBatch(content int) int {
	return batchOverhead + content + aloneDistances + varintLen(int64(content+aloneDistances))
}

func payloadOf(r *sarama.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

func bytesLen(b []byte) int {
	if b == nil {
		return 1
	}
	return varintLen(int64(len(b))) + len(b)
}

// varintLen is the length of n, from 0, in the zigzag encoding of records.
func varintLen(n int64) int {
	return (bits.Len64(uint64(n)<<1|1) + 6) / 7
}
