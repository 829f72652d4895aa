package kafka

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func data(producer, first int64, values ...string) *sarama.Records {
	batch := &sarama.RecordBatch{FirstOffset: first, LastOffsetDelta: int32(len(values) - 1), ProducerID: producer, IsTransactional: true, FirstTimestamp: time.UnixMilli(1000)}
	for i, v := range values {
		batch.Records = append(batch.Records, &sarama.Record{OffsetDelta: int64(i), TimestampDelta: time.Duration(i) * time.Millisecond, Value: []byte(v)})
	}
	return &sarama.Records{RecordBatch: batch}
}

func marker(producer, offset int64, kind byte) *sarama.Records {
	return &sarama.Records{RecordBatch: &sarama.RecordBatch{
		FirstOffset: offset, ProducerID: producer, IsTransactional: true, Control: true,
		Records: []*sarama.Record{{Key: []byte{0, 0, 0, kind}}},
	}}
}

func values(f Fetched) string {
	text := ""
	for _, r := range f.Records {
		text += string(r.Value)
	}
	return text
}

func TestReadBlockLeavesOutAbortedTransactions(t *testing.T) {
	t.Parallel()
	const abort, commit = 0, 1
	for name, test := range map[string]struct {
		sets      []*sarama.Records
		aborted   []*sarama.AbortedTransaction
		from      int64
		isolation Isolation
		want      string
		next      int64
	}{
		"aborted, then committed": {
			sets:    []*sarama.Records{data(5, 0, "a", "b"), marker(5, 2, abort), data(5, 3, "c"), marker(5, 4, commit)},
			aborted: []*sarama.AbortedTransaction{{ProducerID: 5, FirstOffset: 0}}, want: "c", next: 5,
		},
		"two producers at once": {
			sets:    []*sarama.Records{data(5, 0, "a"), data(6, 1, "b"), data(5, 2, "c"), marker(6, 3, commit), marker(5, 4, abort)},
			aborted: []*sarama.AbortedTransaction{{ProducerID: 5, FirstOffset: 0}}, want: "b", next: 5,
		},
		"out of order in the answer": {
			sets:    []*sarama.Records{data(5, 0, "a"), marker(5, 1, abort), data(6, 2, "b"), marker(6, 3, abort), data(7, 4, "c")},
			aborted: []*sarama.AbortedTransaction{{ProducerID: 6, FirstOffset: 2}, {ProducerID: 5, FirstOffset: 0}}, want: "c", next: 5,
		},
		"its records compacted away": {
			sets:    []*sarama.Records{marker(5, 20, abort), data(5, 25, "kept"), marker(5, 26, commit)},
			aborted: []*sarama.AbortedTransaction{{ProducerID: 5, FirstOffset: 10}}, from: 20, want: "kept", next: 27,
		},
		"read uncommitted": {
			sets:    []*sarama.Records{data(5, 0, "a"), marker(5, 1, abort)},
			aborted: []*sarama.AbortedTransaction{{ProducerID: 5, FirstOffset: 0}}, isolation: ReadUncommitted, want: "a", next: 2,
		},
		"from inside a batch": {sets: []*sarama.Records{data(5, 0, "a", "b", "c")}, from: 2, want: "c", next: 3},
	} {
		got := readBlock(TopicPartition{}, test.from, &sarama.FetchResponseBlock{RecordsSet: test.sets, AbortedTransactions: test.aborted}, test.isolation)
		if values(got) != test.want || got.Next != test.next {
			t.Errorf("%s: read %q, next %d, want %q, %d", name, values(got), got.Next, test.want, test.next)
		}
	}
}

func TestReadBlockTimestamps(t *testing.T) {
	t.Parallel()
	created, appended, none := data(5, 0, "a", "b"), data(5, 2, "c"), data(5, 3, "d")
	appended.RecordBatch.LogAppendTime, appended.RecordBatch.MaxTimestamp = true, time.UnixMilli(9000)
	none.RecordBatch.FirstTimestamp = time.Time{}
	got := readBlock(TopicPartition{}, 0, &sarama.FetchResponseBlock{RecordsSet: []*sarama.Records{created, appended, none}}, ReadCommitted).Records
	want := []int64{1000, 1001, 9000, -1}
	for i, r := range got {
		if Milliseconds(r.Timestamp) != want[i] || (r.TimestampType == LogAppendTime) != (i == 2) {
			t.Errorf("record %d: %d ms of type %d, want %d ms", i, Milliseconds(r.Timestamp), r.TimestampType, want[i])
		}
	}
}

// A batch that did not fit is asked for anew; what stood before it is not.
func TestReadBlockOfABatchThatDidNotFit(t *testing.T) {
	t.Parallel()
	cut := &sarama.Records{RecordBatch: &sarama.RecordBatch{FirstOffset: 7, LastOffsetDelta: 3, PartialTrailingRecord: true}}
	if got := readBlock(TopicPartition{}, 3, &sarama.FetchResponseBlock{RecordsSet: []*sarama.Records{cut}}, ReadCommitted); got.Next != 7 || len(got.Records) != 0 {
		t.Errorf("next %d, %d records, want 7 and none", got.Next, len(got.Records))
	}
}

func TestReadBlockOfOldFormats(t *testing.T) {
	t.Parallel()
	message := func(offset int64, value string) *sarama.MessageBlock {
		return &sarama.MessageBlock{Offset: offset, Msg: &sarama.Message{Version: 1, Value: []byte(value), Timestamp: time.UnixMilli(1000)}}
	}
	// Format 1 numbers the messages of a compressed set from 0 and has the
	// last one's offset outside (KIP-31).
	packed := message(12, "")
	packed.Msg.Set = &sarama.MessageSet{Messages: []*sarama.MessageBlock{message(0, "x"), message(1, "y"), message(2, "z")}}
	set := &sarama.Records{MsgSet: &sarama.MessageSet{Messages: []*sarama.MessageBlock{message(9, "w"), packed}}}
	got := readBlock(TopicPartition{}, 11, &sarama.FetchResponseBlock{RecordsSet: []*sarama.Records{set}}, ReadCommitted)
	if values(got) != "yz" || got.Next != 13 || got.Records[0].Offset != 11 {
		t.Errorf("read %q, next %d", values(got), got.Next)
	}
}
