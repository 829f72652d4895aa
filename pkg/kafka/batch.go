package kafka

import (
	"cmp"
	"encoding/binary"
	"reflect"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// readBlock turns a partition's part of a fetch answer into records.
func readBlock(tp TopicPartition, from int64, block *sarama.FetchResponseBlock, isolation Isolation) Fetched {
	f := Fetched{
		TopicPartition: tp, Next: from,
		HighWatermark: block.HighWaterMarkOffset, LastStable: block.LastStableOffset, LogStart: block.LogStartOffset,
	}
	if block.Err != sarama.ErrNoError {
		f.Err = Translate(block.Err)
		return f
	}
	aborts := newAborts(block.AbortedTransactions, isolation)
	for _, set := range block.RecordsSet {
		switch {
		case set.RecordBatch != nil:
			f.addBatch(set.RecordBatch, from, aborts)
		case set.MsgSet != nil:
			f.addLegacy(set.MsgSet, from)
		}
	}
	if len(block.RecordsSet) == 0 {
		f.Next = max(f.Next, afterEmptyBatches(block))
	}
	return f
}

// afterEmptyBatches is the offset after the batches of a block that hold no
// record, -1 without any. Compaction leaves such a batch where it removed a
// producer's last records, to keep its sequence number. The protocol library
// drops them and keeps where they end to itself; without it a reader would ask
// for the same offset for ever.
func afterEmptyBatches(block *sarama.FetchResponseBlock) int64 {
	next := reflect.ValueOf(block).Elem().FieldByName("recordsNextOffset")
	if next.Kind() != reflect.Pointer || next.IsNil() || next.Elem().Kind() != reflect.Int64 {
		return -1
	}
	return next.Elem().Int()
}

func (f *Fetched) addBatch(batch *sarama.RecordBatch, from int64, aborts *aborts) {
	if batch.PartialTrailingRecord {
		// It did not fit; whatever stood before it has been passed.
		f.Next = max(f.Next, batch.FirstOffset)
		return
	}
	if next := batch.LastOffset() + 1; next > f.Next {
		f.Next = next
	}
	if batch.Control {
		aborts.control(batch)
		return
	}
	if aborts.skip(batch) {
		return
	}
	stamp := CreateTime
	if batch.LogAppendTime {
		stamp = LogAppendTime
	}
	f.Records = slices.Grow(f.Records, len(batch.Records))
	var before []Header
	for _, r := range batch.Records {
		offset := batch.FirstOffset + r.OffsetDelta
		// A batch is sent whole even when the fetch starts inside it.
		if offset < from {
			continue
		}
		at := batch.FirstTimestamp
		switch {
		case batch.LogAppendTime:
			at = batch.MaxTimestamp
		case !at.IsZero():
			at = at.Add(r.TimestampDelta)
		}
		before = readHeaders(r.Headers, before)
		f.Records = append(f.Records, Record{
			Topic: f.Topic, Partition: f.Partition, Offset: offset, LeaderEpoch: batch.PartitionLeaderEpoch,
			Timestamp: at, TimestampType: stamp, Key: r.Key, Value: r.Value, Headers: before,
		})
	}
}

// addLegacy reads message format 0 and 1, which brokers before 4.0 may still hold.
func (f *Fetched) addLegacy(set *sarama.MessageSet, from int64) {
	for _, block := range set.Messages {
		inner := block.Messages()
		// Compressed sets of format 1 number their messages from 0 and carry
		// the last one's offset outside (KIP-31).
		base := int64(0)
		if block.Msg.Version >= 1 && block.Msg.Set != nil && len(inner) > 0 {
			base = block.Offset - inner[len(inner)-1].Offset
		}
		for _, m := range inner {
			offset := m.Offset + base
			if next := offset + 1; next > f.Next {
				f.Next = next
			}
			if offset < from {
				continue
			}
			stamp, at := CreateTime, m.Msg.Timestamp
			if block.Msg.LogAppendTime {
				stamp, at = LogAppendTime, block.Msg.Timestamp
			}
			f.Records = append(f.Records, Record{
				Topic: f.Topic, Partition: f.Partition, Offset: offset, LeaderEpoch: -1,
				Timestamp: at, TimestampType: stamp, Key: m.Msg.Key, Value: m.Msg.Value,
			})
		}
	}
}

// readHeaders takes the headers of a record. Records of a batch mostly have the
// same ones, so that the names of the record before serve again.
func readHeaders(headers []*sarama.RecordHeader, before []Header) []Header {
	if len(headers) == 0 {
		return nil
	}
	out := make([]Header, len(headers))
	for i, h := range headers {
		if i < len(before) && before[i].Name == string(h.Key) {
			out[i] = Header{Name: before[i].Name, Value: h.Value}
			continue
		}
		out[i] = Header{Name: string(h.Key), Value: h.Value}
	}
	return out
}

// aborts knows which producers' records of a fetch belong to aborted
// transactions, as the answer lists them (KIP-98).
type aborts struct {
	pending []*sarama.AbortedTransaction // by first offset
	open    map[int64]bool               // producer ids inside an aborted transaction
}

func newAborts(list []*sarama.AbortedTransaction, isolation Isolation) *aborts {
	a := &aborts{open: map[int64]bool{}}
	if isolation == ReadCommitted {
		a.pending = slices.Clone(list)
		slices.SortFunc(a.pending, func(x, y *sarama.AbortedTransaction) int { return cmp.Compare(x.FirstOffset, y.FirstOffset) })
	}
	return a
}

// skip tells a batch of an aborted transaction.
func (a *aborts) skip(batch *sarama.RecordBatch) bool {
	a.advance(batch)
	return batch.IsTransactional && a.open[batch.ProducerID]
}

// advance opens the aborted transactions that begin in batch or before it.
func (a *aborts) advance(batch *sarama.RecordBatch) {
	for len(a.pending) > 0 && a.pending[0].FirstOffset <= batch.LastOffset() {
		a.open[a.pending[0].ProducerID] = true
		a.pending = a.pending[1:]
	}
}

// control ends the aborted transaction whose abort marker the batch holds. The
// transaction's own records may all be gone by compaction, so it may not be
// open yet; left pending it would hide the producer's next transaction.
func (a *aborts) control(batch *sarama.RecordBatch) {
	a.advance(batch)
	const abortMarker = 0
	for _, r := range batch.Records {
		if len(r.Key) >= 4 && binary.BigEndian.Uint16(r.Key[2:]) == abortMarker {
			delete(a.open, batch.ProducerID)
		}
	}
}

// Milliseconds is the timestamp of a record as Kafka stores it: -1 for none.
func Milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}
