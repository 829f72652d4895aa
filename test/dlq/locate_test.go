//go:build unix

package dlq_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A run that is killed has not told where the letters of its last transaction went.
// Whoever asks is told nevertheless: they are found on the target.
func TestLettersOfAKilledRunAreFound(t *testing.T) {
	for _, stamps := range []string{dlq.TimestampNow, dlq.TimestampOriginal} {
		t.Run(stamps, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, realkafka.Shared(t), 3)
			const n = 600
			b.fill(0, n, 100)
			s := b.start("--rate", "100", "--timestamp", stamps)
			b.awaitSent(100)
			signal(t, s, syscall.SIGKILL)
			<-s.done
			runs := b.mustRun(0, "dlq", "runs", b.queue, "--ledger", b.ledger, "-o", "json")
			var told []dlq.Run
			if err := json.Unmarshal([]byte(runs), &told); err != nil || len(told) != 1 {
				t.Fatalf("%v in %s", err, runs)
			}
			run := told[0].ID

			values := b.valuesOf(run)
			placed, err := dlq.Placements(t.Context(), b.client, dlq.LedgerOptions{Topic: b.ledger, Queue: b.queue}, run)
			if err != nil || len(placed) == 0 || len(placed) != len(values) {
				t.Fatalf("%d places for %d letters that were sent: %v", len(placed), len(values), err)
			}
			for _, p := range placed {
				place := fmt.Sprintf("%s/%d@%d", p.Topic, p.To, p.At)
				if want := fmt.Sprintf(`{"n":%d,`, p.Offset*3+int64(p.Partition)); !strings.HasPrefix(values[place], want) {
					t.Fatalf("letter %d@%d went to %s, where %.40s is", p.Partition, p.Offset, place, values[place])
				}
			}

			last := placed[len(placed)-1]
			for _, p := range placed {
				if p.Offset > last.Offset {
					last = p
				}
			}
			way := b.mustRun(0, "dlq", "trace", b.queue, fmt.Sprintf("%d@%d", last.Partition, last.Offset), "--ledger", b.ledger, "-o", "json")
			var trace dlq.Trace
			if err := json.Unmarshal([]byte(way), &trace); err != nil {
				t.Fatal(err)
			}
			if step := trace.Steps[0]; len(trace.Steps) != 1 || step.Partition != last.To || step.Offset != last.At {
				t.Errorf("the way of %d@%d, which is at %d@%d, is\n%s", last.Partition, last.Offset, last.To, last.At, way)
			}

			if v, err := dlq.VerifyRun(t.Context(), b.client, run, dlq.LedgerOptions{Topic: b.ledger}); err != nil || !v.OK() || v.Found != int64(len(placed)) {
				t.Errorf("%+v, %v", v, err)
			}

			b.mustReplay() // says in the ledger that the other is over
			w, _, err := dlq.WatchRun(t.Context(), b.client, run, dlq.WatchOptions{Ledger: b.ledger})
			if err != nil {
				t.Fatal(err)
			}
			report, err := w.Look(t.Context())
			if err != nil || report.Replayed != int64(len(placed)) {
				t.Fatalf("%+v, %v", report, err)
			}
			for _, reason := range report.Reasons {
				if !strings.HasPrefix(reason.Text, "no consumer group commits on ") {
					t.Errorf("%d letters: %s", reason.Letters, reason.Text)
				}
			}
		})
	}
}

// valuesOf are the values that a run wrote on the target, by their places.
func (b *bench) valuesOf(run string) map[string]string {
	b.t.Helper()
	values, from := map[string]string{}, map[kafka.TopicPartition]int64{}
	for p := range b.partitions {
		from[kafka.TopicPartition{Topic: b.source, Partition: p}] = 0
	}
	err := b.client.ReadToEnd(b.t.Context(), from, kafka.FetchOptions{Isolation: kafka.ReadCommitted}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			for _, h := range r.Headers {
				if h.Name == "dlq-replay-run" && string(h.Value) == run {
					values[fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset)] = string(r.Value)
				}
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return values
}
