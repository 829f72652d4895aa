package txn

import (
	"errors"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// leaveOpen writes into a transaction and does not end it.
func leaveOpen(t *testing.T, p *Producer, records ...kafka.Record) {
	t.Helper()
	indexes := make([]int, len(records))
	for i := range indexes {
		indexes[i] = i
	}
	s, err := p.newSending(t.Context(), t.Context(), records, indexes, make([]int64, len(records)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.enlist(t.Context(), t.Context(), s.byTopic()); err != nil {
		t.Fatal(err)
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

func TestListAndDescribe(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	r := NewReader(c)
	if got, err := r.List(t.Context(), nil, false); err != nil || len(got.Transactions) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	done := acquire(t, c, Options{ID: "done"})
	if _, err := done.Commit(t.Context(), Write{Records: []kafka.Record{record("orders", 0, "x")}}); err != nil {
		t.Fatal(err)
	}
	p := acquire(t, c, Options{ID: "run/ning", Timeout: 20 * time.Second})
	leaveOpen(t, p, record("orders", 2, "y"), record("orders", 1, "y"))
	list, err := r.List(t.Context(), nil, false)
	if err != nil || len(list.Transactions) != 2 || list.Transactions[0].ID != "done" {
		t.Fatalf("%+v, %v", list, err)
	}
	list, err = r.List(t.Context(), []string{"run/*", "none*"}, true)
	if err != nil || len(list.Transactions) != 1 || len(list.Missed) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	one, err := r.Describe(t.Context(), "run/ning")
	if err != nil {
		t.Fatal(err)
	}
	id, epoch := p.ID()
	if !one.Open() || one.ProducerID != id || *one.Epoch != epoch || *one.TimeoutSeconds != 20 || one.OpenSeconds == nil || len(one.Partitions) != 2 || one.Partitions[0].Partition != 1 {
		t.Errorf("%+v", one)
	}
	if one.ID != list.Transactions[0].ID || one.State != list.Transactions[0].State {
		t.Errorf("described %+v, listed %+v", one, list.Transactions[0])
	}
	if _, err := r.Describe(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestFindBlockingAndAbort(t *testing.T) {
	t.Parallel()
	c := open(t, "orders", "quiet")
	r := NewReader(c)
	p := acquire(t, c, Options{ID: "open"})
	leaveOpen(t, p, record("orders", 0, "a"), record("orders", 0, "b"))
	found, err := r.FindBlocking(t.Context(), FindOptions{})
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	id, _ := p.ID()
	b := found[0]
	if b.Topic != "orders" || b.ProducerID != id || b.StartOffset != 0 || b.Waiting != 2 || b.Hanging || b.Transaction == nil || b.Transaction.ID != "open" {
		t.Errorf("%+v", b)
	}
	if found, err = r.FindBlocking(t.Context(), FindOptions{Hanging: true}); err != nil || len(found) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err = r.FindBlocking(t.Context(), FindOptions{Quiet: time.Hour}); err != nil || len(found) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if err := r.Abort(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if found, err = r.FindBlocking(t.Context(), FindOptions{}); err != nil || len(found) != 0 {
		t.Errorf("after the abort: %+v, %v", found, err)
	}
	if got := values(t, c, "orders", 3); len(got) != 0 {
		t.Errorf("aborted records are seen: %v", got)
	}
}

func FuzzMarkerAnswer(f *testing.F) {
	f.Add(int16(1), []byte{0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 2, 2, 'o', 2, 0, 0, 0, 1, 0, 48, 0, 0, 0, 0})
	f.Add(int16(0), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 1, 'o', 0, 0, 0, 1, 0, 0, 0, 1, 0, 48})
	b := Blocking{TopicPartition: kafka.TopicPartition{Topic: "o", Partition: 1}, ProducerID: 7}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		code, err := decodeMarker(version, body, b)
		if err != nil && code != 0 {
			t.Errorf("%d with %v", code, err)
		}
	})
}

func TestMarkerAnswer(t *testing.T) {
	t.Parallel()
	b := Blocking{TopicPartition: kafka.TopicPartition{Topic: "o", Partition: 1}, ProducerID: 7}
	for version, body := range [][]byte{
		{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 1, 'o', 0, 0, 0, 1, 0, 0, 0, 1, 0, 48},
		{0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 2, 2, 'o', 2, 0, 0, 0, 1, 0, 48, 0, 0, 0, 0},
	} {
		if code, err := decodeMarker(int16(version), body, b); err != nil || code != 48 {
			t.Errorf("version %d: %d, %v", version, code, err)
		}
		if _, err := decodeMarker(int16(version), body[:len(body)/2], b); err == nil {
			t.Errorf("version %d: half an answer is taken", version)
		}
	}
}
