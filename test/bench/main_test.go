//go:build unix

// Package bench_test times pkg/eventbus against other consumers, in pairs on
// one Kafka; README.md says how to repeat it.
package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// asConsumer makes the test binary one of the consumers that are timed.
const asConsumer = "EVENTBUS_BENCH_AS"

func TestMain(m *testing.M) {
	if as := os.Getenv(asConsumer); as != "" {
		j, err := readJob(os.Args[1:])
		if err == nil {
			err = map[string]func(context.Context, job) error{"bus": consumeBus, "raw": consumeRaw, "sleepers": sleepers, "publish": publishBus}[as](context.Background(), j)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, as+":", err)
			os.Exit(1)
		}
		return
	}
	realkafka.Main(m)
}

// job is what every consumer is told.
type job struct {
	brokers      []string
	topic, group string
	count        int64
	takes        time.Duration // of the handler
	workers      int
	poison       int // of a hundred records fail for good
}

func readJob(args []string) (job, error) {
	if len(args) != 7 {
		return job{}, errors.New("want brokers, topic, group, count, microseconds, workers, poison")
	}
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[3+i]); err != nil {
			return job{}, err
		}
	}
	return job{strings.Split(args[0], ","), args[1], args[2], int64(n[0]), time.Duration(n[1]) * time.Microsecond, n[2], n[3]}, nil
}

func (j job) args() []string {
	return []string{
		strings.Join(j.brokers, ","), j.topic, j.group, strconv.FormatInt(j.count, 10), strconv.FormatInt(j.takes.Microseconds(), 10),
		strconv.Itoa(j.workers), strconv.Itoa(j.poison),
	}
}

// result is what every consumer tells: from its first record on.
type result struct {
	Records int64         `json:"records"`
	Wall    time.Duration `json:"wall"`
	CPU     time.Duration `json:"cpu"`

	// Process is the time from the process's start to its end, ProcessCPU what it
	// used in all.
	Process    time.Duration `json:"-"`
	ProcessCPU time.Duration `json:"-"`
}

func (r result) whole() float64 { return float64(r.Records) / r.Process.Seconds() }
func (r result) rate() float64  { return float64(r.Records) / r.Wall.Seconds() }
func (r result) each() float64  { return float64(r.CPU.Microseconds()) / float64(r.Records) }
func (r result) wholeEach() float64 {
	return float64(r.ProcessCPU.Microseconds()) / float64(r.Records)
}

// watch notes when the first record came and tells all when the last one is done.
type watch struct {
	count   int64
	n       atomic.Int64
	once    sync.Once
	began   time.Time
	used    time.Duration
	done    chan struct{}
	stopped sync.Once
}

func newWatch(count int64) *watch { return &watch{count: count, done: make(chan struct{})} }

func (w *watch) first() { w.once.Do(func() { w.began, w.used = time.Now(), cpu() }) }

func (w *watch) add() {
	if w.n.Add(1) >= w.count {
		w.stopped.Do(func() {
			_ = json.NewEncoder(os.Stdout).Encode(result{Records: w.count, Wall: time.Since(w.began), CPU: cpu() - w.used})
			close(w.done)
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// work is what a handler does that waits for somebody else.
func work(d time.Duration) { <-time.After(d) }

var errPoison = errors.New("cannot be handled")

// consumeBus is the consumer of this module.
func consumeBus(ctx context.Context, j job) error {
	b, err := eventbus.Connect(ctx, "bench", eventbus.Options{Brokers: j.brokers, AllowAnyGroup: true})
	if err != nil {
		return err
	}
	w := newWatch(j.count)
	stop, err := b.SubscribeRecords(ctx, j.topic, func(_ context.Context, r eventbus.Record) error {
		if r.Attempt == 1 {
			w.first()
		}
		if j.takes > 0 {
			work(j.takes)
		}
		if j.poison > 0 && r.Offset*7919%100 < int64(j.poison) {
			if r.Attempt == 4 {
				w.add()
			}
			return errPoison
		}
		w.add()
		return nil
	}, eventbus.Subscription{Group: j.group, FromBeginning: true, Concurrency: j.workers})
	if err != nil {
		return err
	}
	<-w.done
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return errors.Join(stop(ctx), b.Close(ctx))
}

// rawConsumer handles record by record and marks each, as sarama's own example.
type rawConsumer struct {
	w     *watch
	takes time.Duration
}

func (rawConsumer) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (rawConsumer) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c rawConsumer) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			c.w.first()
			if c.takes > 0 {
				work(c.takes)
			}
			s.MarkMessage(m, "")
			c.w.add()
		case <-s.Context().Done():
			return nil
		}
	}
}

func consumeRaw(ctx context.Context, j job) error {
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	conf.Consumer.MaxProcessingTime = 5 * time.Second
	g, err := sarama.NewConsumerGroup(j.brokers, j.group, conf)
	if err != nil {
		return err
	}
	w := newWatch(j.count)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		<-w.done
		cancel()
	}()
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{j.topic}, rawConsumer{w, j.takes}); err != nil {
			return err
		}
	}
	return g.Close()
}

// sleepers do the handler's work and nothing else: no consumer is faster with as
// many workers.
func sleepers(_ context.Context, j job) error {
	w := newWatch(j.count)
	w.first()
	for range j.workers {
		go func() {
			for {
				work(j.takes)
				w.add()
			}
		}()
	}
	<-w.done
	return nil
}
