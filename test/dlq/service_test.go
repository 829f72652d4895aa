package dlq_test

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// failure is what a service fails with.
type failure struct{ class, message string }

// service consumes the source of a bench as a service does: it writes what it
// fails on to the dead letter queue and then commits, both in one transaction.
type service struct {
	bench  *bench
	topic  string
	group  string
	fails  func(r kafka.Record) *failure
	mu     sync.Mutex
	next   map[kafka.TopicPartition]int64
	seen   int
	letter func(l letters.Letter, r kafka.Record) kafka.Record // nil: as our library writes it
}

// startService runs a service until the test ends.
func startService(b *bench, group string, fails func(kafka.Record) *failure) *service {
	b.t.Helper()
	s := &service{bench: b, topic: b.source, group: group, fails: fails, next: map[kafka.TopicPartition]int64{}}
	s.start()
	return s
}

func (s *service) start() {
	ctx, cancel := context.WithCancel(s.bench.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := s.work(ctx); err != nil && ctx.Err() == nil {
				s.bench.t.Errorf("service %s: %v", s.group, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	s.bench.t.Cleanup(func() { cancel(); <-done })
}

// work takes what there is.
func (s *service) work(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := map[kafka.TopicPartition]int64{}
	for p := range s.bench.partitions {
		tp := kafka.TopicPartition{Topic: s.topic, Partition: p}
		from[tp] = s.next[tp]
	}
	var w txn.Write
	offsets := map[kafka.TopicPartition]txn.Offset{}
	err := s.bench.client.ReadToEnd(ctx, from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for i := range f.Records {
			s.seen++
			if fail := s.fails(f.Records[i]); fail != nil {
				w.Records = append(w.Records, s.dead(f.Records[i], fail))
			}
		}
		offsets[f.TopicPartition] = txn.Offset{Offset: f.Next}
		return nil
	})
	if err != nil || len(offsets) == 0 {
		return err
	}
	moved := false
	for tp, o := range offsets {
		moved = moved || o.Offset > from[tp]
		s.next[tp] = o.Offset
	}
	if !moved {
		return nil
	}
	p, err := txn.Acquire(ctx, s.bench.client, txn.Options{ID: s.topic + "-" + s.group})
	if err != nil {
		return err
	}
	defer p.Close()
	w.Offsets = &txn.Offsets{Group: s.group, At: offsets}
	_, err = p.Commit(ctx, w)
	return err
}

func (s *service) dead(r kafka.Record, fail *failure) kafka.Record {
	before := letters.Read(r)
	l := letters.Letter{
		Origin: letters.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp},
		Group:  s.group, Class: fail.class, Message: fail.message, Attempts: 4, FailedAt: time.Now(),
		ReplayCount: before.ReplayCount, ReplayID: before.ReplayID, ReplayRun: before.ReplayRun,
	}
	if s.letter != nil {
		return s.letter(l, r)
	}
	return kafka.Record{Topic: s.bench.queue, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: l.Append(r.Headers, letters.AppendOptions{})}
}

// number is the member n of a value, -1 without one.
func number(r kafka.Record) int {
	v := struct{ N *int }{}
	if json.Unmarshal(r.Value, &v) != nil || v.N == nil {
		return -1
	}
	return *v.N
}

// count is how many committed records a topic holds.
func (b *bench) count(topic string) int {
	b.t.Helper()
	n := 0
	from := map[kafka.TopicPartition]int64{}
	meta, err := b.client.Metadata(b.t.Context(), []string{topic})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range meta.Topics[0].Partitions {
		from[kafka.TopicPartition{Topic: topic, Partition: p.ID}] = 0
	}
	err = b.client.ReadToEnd(b.t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		n += len(f.Records)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// mustRun is run with an exit code that is wanted.
func (b *bench) mustRun(code int, args ...string) string {
	b.t.Helper()
	out, got := b.run(args...)
	if got != code {
		b.t.Fatalf("%v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}
