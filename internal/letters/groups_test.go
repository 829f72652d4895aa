package letters

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// causes write the messages of seven failures, each with whatever varies.
func causes(r *rand.Rand) []string {
	uuid := fmt.Sprintf("%08x-%04x-4%03x-9%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
	at := time.UnixMilli(stamp + r.Int64N(1e10)).UTC()
	took := time.Duration(r.Int64N(1e10))
	return []string{
		fmt.Sprintf("order %d of tenant %s not found", r.Int64N(1e9), uuid),
		fmt.Sprintf("duplicate key value violates unique constraint \"orders_pkey\": id=%08x", r.Uint32()),
		fmt.Sprintf("dial tcp 10.%d.%d.%d:%d: connect: connection refused", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(65536)),
		fmt.Sprintf("cannot mail user%d@tenant%d.example.com: mailbox full since %s", r.IntN(1e6), r.IntN(100), at.Format(time.RFC3339Nano)),
		fmt.Sprintf("deadline of %s exceeded after %d attempts at %s", took.Round(time.Millisecond), r.IntN(100), at.Format("2006-01-02 15:04:05")),
		fmt.Sprintf("open /var/data/t%d/%x/invoice-%d.pdf: no such file", r.IntN(1000), r.Uint64(), r.IntN(1e6)),
		fmt.Sprintf("amount %.2f exceeds the limit of %d for account 0x%x (retry=%t)", r.Float64()*1e6, r.IntN(1e5), r.Uint32(), r.IntN(2) == 0),
	}
}

func TestFortyThousandLettersHaveSevenCauses(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 7))
	found, sample := map[string]int{}, map[string]string{}
	for i := range 40_000 {
		l := Letter{Origin: nowhere(), Class: "Error", Message: causes(r)[i%7]}
		read := Read(kafka.Record{Topic: "orders.dlq", Headers: l.Append(nil, AppendOptions{})})
		id := read.Fingerprint()
		found[id]++
		if sample[id] == "" {
			sample[id] = l.Message + "\n  " + Normalise(l.Message)
		}
	}
	if len(found) != 7 {
		t.Errorf("%d groups", len(found))
		for id, n := range found {
			t.Logf("%s %d %s", id, n, sample[id])
		}
	}
}

func BenchmarkReadAndGroup(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 7))
	var records []kafka.Record
	for i := range 700 {
		l := full()
		l.Message = causes(r)[i%7]
		records = append(records, kafka.Record{Topic: "orders.dlq", Headers: l.Append(own("event-id", "x", "tenant-id", "y"), AppendOptions{})})
	}
	b.ReportAllocs()
	var buf []byte
	for i := range b.N {
		l := Read(records[i%len(records)])
		buf = l.AppendFailure(buf[:0])
	}
}
