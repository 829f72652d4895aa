package dlq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/faultproxy"
)

func openReal(t *testing.T, bootstrap string) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(context.WithoutCancel(t.Context()), kafka.Config{Bootstrap: []string{bootstrap}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// engine is the least that replays letters with a ledger: a transaction a chunk,
// the letters and the chunk's ledger record in one write. Letters are made up.
type engine struct {
	bootstrap string
	id        string // the transactional id, and the prefix of every letter
	topic     string
	parts     []int32
	ledger    string
	chunks    int
	size      int // letters a chunk
	opts      txn.Options
	offsets   bool // commit a watermark with every chunk
	pad       int  // bytes of a letter beside its name

	// oversize is the chunk whose first try ends with a letter too large.
	oversize int
	// enough, when closed, ends the run after the chunk that it is at.
	enough chan struct{}
	// abort is the chunk whose first try is aborted by the engine itself.
	abort int

	mu      sync.Mutex
	kills   int
	end     context.CancelCauseFunc
	tried   map[int]int // by chunk
	failed  error       // what ended the run, nil where it came to its end
	lost    int
	aborted int
}

func (e *engine) client() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("%s.%d", e.id, e.kills)
}

func (e *engine) try(chunk int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tried == nil {
		e.tried = map[int]int{}
	}
	e.tried[chunk]++
	return e.tried[chunk]
}

func (e *engine) letter(chunk, i int) string { return fmt.Sprintf("L|%s|%d|%02d|", e.id, chunk, i) }
func (e *engine) record(chunk int) string    { return fmt.Sprintf("C|%s|%d|", e.id, chunk) }

// stage has the engine play a scenario.
func (e *engine) stage(proxy *faultproxy.Proxy, random *rand.Rand) *stage {
	const silence = 150 * time.Millisecond
	return &stage{
		proxy: proxy, random: random, naive: e.opts.Uncured, id: e.id, client: e.client, topic: e.topic, ledger: e.ledger, silence: silence,
		letters: func(f faultproxy.Frame) bool { return has(f, fmt.Sprintf("L|%s|2|", e.id)) },
		record:  func(f faultproxy.Frame) bool { return has(f, e.record(2)) },
		lastLetters: func(try int) func(faultproxy.Frame) bool {
			return func(f faultproxy.Frame) bool { return has(f, fmt.Sprintf("%s%d|", e.letter(2, e.size-1), try)) }
		},
		kill:      func() { e.kill(proxy) },
		impatient: func() { e.opts.Answer = silence },
		rejected:  func() { e.oversize = 2 },
		ownAbort:  func() { e.abort = 2 },
	}
}

// errKilled is a run whose connections the proxy has cut for good.
var errKilled = errors.New("killed")

// run replays until everything is in the ledger. A run that is killed is
// followed by another one, as by another process.
func (e *engine) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		e.mu.Lock()
		life := e.kills
		e.mu.Unlock()
		err := e.process(ctx)
		e.mu.Lock()
		killed := e.kills != life
		e.mu.Unlock()
		if !killed {
			e.failed = err
			return err
		}
	}
}

// kill ends the process that runs now, and the next one begins: its connections
// are cut with nothing said, as kill -9 does.
func (e *engine) kill(proxy *faultproxy.Proxy) {
	life := e.client()
	e.mu.Lock()
	e.kills++
	end := e.end
	e.mu.Unlock()
	proxy.Kill(life)
	end(errKilled)
}

// process is one run of the program, with connections of its own.
func (e *engine) process(ctx context.Context) error {
	life := e.client()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	e.mu.Lock()
	e.end = end
	e.mu.Unlock()
	c, err := kafka.Open(ctx, kafka.Config{
		Bootstrap: []string{e.bootstrap}, ClientID: life, Properties: map[string]string{"request.timeout.ms": "2000"},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	for ctx.Err() == nil && e.client() == life {
		o := e.opts
		o.ID = e.id
		p, err := txn.Acquire(ctx, c, o)
		if err != nil {
			if e.client() == life && !errors.Is(err, kafka.ErrUnreachable) {
				return fmt.Errorf("acquiring: %w", err)
			}
			continue
		}
		err = e.session(ctx, c, p)
		p.Close()
		var lost *txn.LostError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &lost), errors.Is(err, kafka.ErrUnreachable):
			e.mu.Lock()
			e.lost++
			e.mu.Unlock()
		default:
			return err
		}
	}
	return errors.Join(errKilled, context.Cause(ctx))
}

var errOwnAbort = errors.New("the engine does not like the chunk")

// session is what one producer does: barrier, load, chunks.
func (e *engine) session(ctx context.Context, c *kafka.Client, p *txn.Producer) error {
	if _, err := p.Commit(ctx, txn.Write{Records: []kafka.Record{e.entry("run", "")}}); err != nil {
		return err
	}
	done, err := e.load(ctx, c)
	if err != nil {
		return err
	}
	for chunk := 1; chunk <= e.chunks; chunk++ {
		select {
		case <-e.enough:
			e.chunks = chunk - 1
			return nil
		default:
		}
		for !done[chunk] {
			try := e.try(chunk)
			w := e.chunk(chunk, try)
			if try == 1 && chunk == e.oversize {
				w.Records = slices.Insert(w.Records, len(w.Records)-1, e.toSend(chunk, e.size, 64<<10, try))
			}
			if try == 1 && chunk == e.abort {
				w.Before = func(context.Context) error { return errOwnAbort }
			}
			_, err := p.Commit(ctx, w)
			var rejected *txn.RejectedError
			switch {
			case err == nil:
				done[chunk] = true
			case errors.As(err, &rejected), errors.Is(err, errOwnAbort):
				e.mu.Lock()
				e.aborted++
				e.mu.Unlock()
			default:
				return err
			}
		}
	}
	return nil
}

func (e *engine) entry(key, value string) kafka.Record {
	return kafka.Record{Topic: e.ledger, Key: []byte(e.id + "|" + key), Value: []byte(value)}
}

func (e *engine) toSend(chunk, i, pad, try int) kafka.Record {
	value := append([]byte(e.letter(chunk, i)+strconv.Itoa(try)+"|"), bytes.Repeat([]byte{'.'}, pad)...)
	return kafka.Record{Topic: e.topic, Partition: e.parts[i%len(e.parts)], Key: []byte(e.letter(chunk, i)), Value: value}
}

func (e *engine) chunk(chunk, try int) txn.Write {
	var w txn.Write
	for i := range e.size {
		w.Records = append(w.Records, e.toSend(chunk, i, e.pad, try))
	}
	w.Records = append(w.Records, e.entry(strconv.Itoa(chunk), e.record(chunk)))
	if e.offsets {
		tp := kafka.TopicPartition{Topic: e.topic, Partition: e.parts[0]}
		w.Offsets = &txn.Offsets{Group: e.id, At: map[kafka.TopicPartition]txn.Offset{tp: {Offset: int64(chunk), Metadata: e.record(chunk)}}}
	}
	return w
}

// load reads which chunks the ledger has, up to its high watermark: up to the
// last stable offset it would miss what stands above another's open transaction.
func (e *engine) load(ctx context.Context, c *kafka.Client) (map[int]bool, error) {
	done := map[int]bool{}
	err := readCommitted(ctx, c, []kafka.TopicPartition{{Topic: e.ledger}}, func(r kafka.Record) {
		if chunk, ok := strings.CutPrefix(string(r.Value), "C|"+e.id+"|"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(chunk, "|"))
			if err == nil {
				done[n] = true
			}
		}
	})
	return done, err
}

// readCommitted reads committed records up to the high watermarks, waiting for
// open transactions below them.
func readCommitted(ctx context.Context, c *kafka.Client, tps []kafka.TopicPartition, each func(kafka.Record)) error {
	latest, from := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for _, tp := range tps {
		latest[tp], from[tp] = kafka.Latest, 0
	}
	ends, err := c.Offsets(ctx, latest, kafka.ReadUncommitted)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		for tp, at := range from {
			if at >= ends[tp] {
				delete(from, tp)
			}
		}
		if len(from) == 0 {
			return nil
		}
		got, err := c.Fetch(ctx, from, kafka.FetchOptions{MaxWait: 50 * time.Millisecond})
		if err != nil {
			return err
		}
		for _, f := range got {
			if f.Err != nil && !kafka.Retriable(f.Err) {
				return f.Err
			}
			for _, r := range f.Records {
				if r.Offset < ends[f.TopicPartition] {
					each(r)
				}
			}
			from[f.TopicPartition] = f.Next
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("read up to %v, not to %v", from, ends)
		}
	}
}

// verdict is what a reader of committed records finds wrong. Letters of a chunk
// that the ledger does not have are torn: the next run would send them again.
type verdict struct{ lost, duplicated, torn int }

func (v verdict) bad() bool { return v.lost+v.duplicated+v.torn > 0 }

// judge counts every letter of the engines at where, and holds them against the
// ledger.
func judge(t *testing.T, c *kafka.Client, where place, engines ...*engine) map[string]verdict {
	t.Helper()
	seen := map[string]int{}
	if err := readCommitted(t.Context(), c, where.all(), func(r kafka.Record) { seen[string(r.Key)]++ }); err != nil {
		t.Fatalf("judging %s: %v", where.topic, err)
	}
	return tally(seen, recorded(t, c, where), engines)
}

// recorded gives the records of chunks that the ledger has.
func recorded(t *testing.T, c *kafka.Client, where place) map[string]bool {
	t.Helper()
	chunks := map[string]bool{}
	err := readCommitted(t.Context(), c, []kafka.TopicPartition{{Topic: where.ledger}}, func(r kafka.Record) { chunks[string(r.Value)] = true })
	if err != nil {
		t.Fatalf("judging %s: %v", where.ledger, err)
	}
	return chunks
}

// tally compares how often each letter was seen with what the ledger says was
// sent. A run that came to its end has to have sent all of it, one that failed
// just what the ledger has.
func tally(seen map[string]int, recorded map[string]bool, engines []*engine) map[string]verdict {
	verdicts := map[string]verdict{}
	for _, e := range engines {
		var v verdict
		for chunk := 1; chunk <= e.chunks; chunk++ {
			sent := recorded[e.record(chunk)]
			for i := range e.size {
				n := seen[e.letter(chunk, i)]
				switch {
				case n == 0 && (sent || e.failed == nil):
					v.lost++
				case n > 1:
					v.duplicated += n - 1
				case n == 1 && !sent:
					v.torn++
				}
			}
		}
		verdicts[e.id] = v
	}
	return verdicts
}

// place is where scenarios write: a topic, and a ledger led by another broker
// than the partitions that are used.
type place struct {
	topic, ledger string
	parts         []int32
}

// all is every partition that may have letters.
func (p place) all() (tps []kafka.TopicPartition) {
	for _, part := range p.parts {
		tps = append(tps, kafka.TopicPartition{Topic: p.topic, Partition: part})
	}
	return tps
}

func newPlace(t *testing.T, c *kafka.Client, name string, replication int16) place {
	t.Helper()
	p := place{topic: name, ledger: name + ".ledger"}
	specs := []topics.Spec{
		{Name: p.topic, Partitions: 3, Replication: replication, Config: map[string]string{"max.message.bytes": "2000"}},
		{Name: p.ledger, Partitions: 1, Replication: replication},
	}
	if _, err := topics.New(c).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ledger, err := c.Leader(t.Context(), kafka.TopicPartition{Topic: p.ledger})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(3) {
		leader, err := c.Leader(t.Context(), kafka.TopicPartition{Topic: p.topic, Partition: i})
		if err != nil {
			t.Fatal(err)
		}
		if leader != ledger {
			p.parts = append(p.parts, i)
		}
	}
	if len(p.parts) == 0 {
		t.Fatal("every partition is led by the ledger's broker")
	}
	return p
}
