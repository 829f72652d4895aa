package dlq_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// sevenCauses writes the message of letter i: seven failures, each with
// whatever varies from one letter to the next.
func sevenCauses(r *rand.Rand, i int) (class, message string) {
	switch i % 7 {
	case 0:
		return "NotFound", fmt.Sprintf("order %d of tenant %08x-%04x-4abc-9def-%012x not found", r.IntN(1e9), r.Uint32(), r.IntN(1<<16), r.Int64N(1<<48))
	case 1:
		return "*pq.Error", fmt.Sprintf("duplicate key value violates unique constraint \"orders_pkey\": id=%08x", r.Uint32())
	case 2:
		return "*net.OpError", fmt.Sprintf("dial tcp 10.%d.%d.%d:%d: connect: connection refused", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(65536))
	case 3:
		return "MailError", fmt.Sprintf("cannot mail user%d@tenant%d.example.com: mailbox full", r.IntN(1e6), r.IntN(100))
	case 4:
		return "Timeout", fmt.Sprintf("deadline of %s exceeded at %s", time.Duration(r.IntN(1e10)).Round(time.Millisecond), time.UnixMilli(1795406037334+r.Int64N(1e9)).UTC().Format(time.RFC3339Nano))
	case 5:
		return "*fs.PathError", fmt.Sprintf("open /var/data/t%d/invoice-%d.pdf: no such file", r.IntN(1000), r.IntN(1e6))
	}
	return "LimitError", fmt.Sprintf("amount %.2f exceeds the limit of %d for account 0x%x", r.Float64()*1e6, r.IntN(1e5), r.Uint32())
}

// fillCauses writes n letters of sevenCauses over the partitions of the queue.
func (b *bench) fillCauses(seed uint64, n, size int) {
	b.t.Helper()
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-causes"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	r := rand.New(rand.NewPCG(seed, 1))
	pad := strings.Repeat("x", size)
	const atOnce = 4000
	for at := 0; at < n; at += atOnce {
		var w txn.Write
		for i := at; i < min(at+atOnce, n); i++ {
			part := int32(i) % b.partitions
			l := letters.Letter{
				Origin: letters.Origin{Topic: b.source, Partition: part, Offset: int64(i), Timestamp: time.UnixMilli(1795406037334)},
				Group:  "billing", Attempts: 4, FailedAt: time.UnixMilli(1795406037334 + int64(i)), Service: "billing", AppVersion: "1.2.3",
			}
			l.Class, l.Message = sevenCauses(r, i)
			w.Records = append(w.Records, kafka.Record{
				Topic: b.queue, Partition: part, Key: fmt.Appendf(nil, "key-%d", i%1000), Value: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, i, pad),
				Headers: l.Append([]kafka.Header{{Name: "event-id", Value: fmt.Appendf(nil, "%032x", i)}, {Name: "tenant-id", Value: []byte("t-1")}}, letters.AppendOptions{}),
			})
		}
		if _, err := p.Commit(b.t.Context(), w); err != nil {
			b.t.Fatal(err)
		}
	}
}

// timed runs the product and returns its standard output, how long it took and
// the most memory that it was seen to have, 0 where the platform does not tell.
func (b *bench) timed(args ...string) (stdout []byte, took time.Duration, memory int64) {
	b.t.Helper()
	var out, errOut bytes.Buffer
	c := product.Command(b.t.Context(), b.t, b.args(args...)...)
	c.Stdout, c.Stderr = &out, &errOut
	start := time.Now()
	memory, err := product.RunWatched(c)
	took = time.Since(start)
	if err != nil {
		b.t.Fatalf("%v: %v\n%s", args, err, errOut.Bytes())
	}
	return out.Bytes(), took, memory
}

// A queue of a million letters is listed within a second and grouped within
// ten, in memory that does not grow with it. The default form has 100,000; the
// bounds leave five times the room, what was measured is in the log.
func TestReadSpeed(t *testing.T) {
	n, listBound, failuresBound := 100_000, 5*time.Second, 10*time.Second
	if tier.IsLong() {
		n, failuresBound = 1_000_000, 50*time.Second
	}
	b := newBench(t, realkafka.Shared(t), 6)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	start := time.Now()
	b.fillCauses(seed, n, 200)
	t.Logf("%d letters written in %.1f s", n, time.Since(start).Seconds())

	out, took, memory := b.timed("dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json")
	var queues []dlq.Queue
	if err := json.Unmarshal(out, &queues); err != nil || len(queues) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	// Each transaction left a mark in each partition, which offsets count.
	if q := queues[0]; q.Pending < int64(n) || q.Pending > int64(n+n/100) || q.Oldest == nil {
		t.Errorf("listed %+v", q)
	}
	t.Logf("dlq list: %.2f s, %d MB", took.Seconds(), memory>>20)
	if took > listBound {
		t.Errorf("dlq list took %s", took)
	}

	out, took, memory = b.timed("dlq", "failures", b.queue, "--ledger", b.ledger, "-o", "json")
	var found dlq.Failures
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(found.Failures) != 7 || found.Letters != int64(n) || found.Other != 0 {
		t.Errorf("%d failures of %d letters, want 7 of %d", len(found.Failures), found.Letters, n)
	}
	for _, f := range found.Failures {
		if want := int64(n / 7); f.Count < want || f.Count > want+1 || f.Sample == "" || f.First.IsZero() || !f.Last.After(f.First) || len(f.Groups) != 1 || f.Expires.IsZero() {
			t.Errorf("failure %+v", f)
		}
	}
	t.Logf("dlq failures: %.2f s (%.0f letters/s), %d MB", took.Seconds(), float64(n)/took.Seconds(), memory>>20)
	if took > failuresBound {
		t.Errorf("dlq failures took %s", took)
	}
	if memory > 300<<20 {
		t.Errorf("dlq failures took %d MB", memory>>20)
	}
}
