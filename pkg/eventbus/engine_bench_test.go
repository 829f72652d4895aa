package eventbus

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"

	"github.com/IBM/sarama"
)

// benchSession is a session that takes anything.
type benchSession struct {
	ctx context.Context
	mu  sync.Mutex
	off map[string]map[int32]int64
}

func (s *benchSession) Context() context.Context   { return s.ctx }
func (s *benchSession) Claims() map[string][]int32 { return nil }
func (s *benchSession) MemberID() string           { return "" }
func (s *benchSession) GenerationID() int32        { return 1 }
func (s *benchSession) Commit()                    {}
func (s *benchSession) MarkOffset(topic string, p int32, off int64, _ string) {
	s.mu.Lock()
	s.off[topic][p] = off
	s.mu.Unlock()
}
func (s *benchSession) ResetOffset(string, int32, int64, string) {}
func (s *benchSession) MarkMessage(m *sarama.ConsumerMessage, _ string) {
	s.MarkOffset(m.Topic, m.Partition, m.Offset+1, "")
}

func (s *benchSession) Pause(map[string][]int32)  {}
func (s *benchSession) Resume(map[string][]int32) {}

func benchMessages(n int) []*sarama.ConsumerMessage {
	list := make([]*sarama.ConsumerMessage, n)
	value := make([]byte, 300)
	for i := range list {
		list[i] = &sarama.ConsumerMessage{Topic: "orders", Key: []byte("key-" + strconv.Itoa(i*7919%100)), Value: value, Offset: int64(i)}
	}
	return list
}

func feed(c *modelClaim, list []*sarama.ConsumerMessage) {
	for _, m := range list {
		c.messages <- m
	}
	close(c.messages)
}

// BenchmarkSerial is what a loop over a claim costs that marks each record.
func BenchmarkSerial(b *testing.B) {
	list := benchMessages(100_000)
	s := &benchSession{ctx: b.Context(), off: map[string]map[int32]int64{"orders": {}}}
	before := cpu(b)
	for b.Loop() {
		c := &modelClaim{p: &modelPartition{log: list}, messages: make(chan *sarama.ConsumerMessage, 256)}
		go feed(c, list)
		for m := range c.messages {
			s.MarkMessage(m, "")
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/float64(len(list)), "cpu-ns/record")
}

// BenchmarkEngine is what the engine adds, with handlers that do nothing.
func BenchmarkEngine(b *testing.B) {
	list := benchMessages(100_000)
	session := &benchSession{ctx: b.Context(), off: map[string]map[int32]int64{"orders": {}}}
	log := slog.New(slog.DiscardHandler)
	before := cpu(b)
	for b.Loop() {
		bus := &Bus{service: "svc", life: b.Context(), obs: &observer{log: log}, opts: Options{Logger: log}}
		s := bus.newSubscription(b.Context(), "orders", Subscription{Group: "svc-x-consumer"})
		s.invoke = s.recordInvoker(func(context.Context, Record) error { return nil })
		s.fetching = session
		s.start()
		_ = s.Setup(session)
		c := &modelClaim{p: &modelPartition{log: list}, messages: make(chan *sarama.ConsumerMessage, 2*burst)}
		go feed(c, list)
		_ = s.ConsumeClaim(session, c)
		_ = s.Cleanup(session)
		s.release()
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/float64(len(list)), "cpu-ns/record")
}
