package dlq_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// says fails the test unless the output matches the pattern on one line.
func says(t testing.TB, out, pattern string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)` + pattern).MatchString(out) {
		t.Errorf("no line matches %s in\n%s", pattern, out)
	}
}

// lineOf gives the first group of a pattern that the output has to match.
func lineOf(t testing.TB, out, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)` + pattern).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no line matches %s in\n%s", pattern, out)
	}
	return m[len(m)-1]
}

func TestCanaryStopsByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 3)
	b.fill(0, 60, 100)
	startService(b, "billing", func(r kafka.Record) *failure {
		if n := number(r); n == 0 || n == 1 {
			return &failure{"*errors.errorString", "no such invoice 99"}
		}
		return nil
	})
	out, code := b.replay("--canary", "5", "--stop-if-redead", "2%", "--settle", "2s")
	if code != 5 {
		t.Fatalf("exit %d, want 5\n%s", code, out)
	}
	says(t, out, `^error: canary: 2 of 5 letters are dead again \(failure [0-9a-f]{8}, the same error as before: \*errors\.errorString: no such invoice 99\); stopped, no further letter was sent$`)
	says(t, out, `^hint: see it with: manage-kafka dlq show \S+\.dlq \d@\d+$`)
	if n := b.count(b.source); n != 5 {
		t.Errorf("%d letters were sent, want the 5 of the canary\n%s", n, out)
	}
	// no transaction stayed open, and the letters that were not sent are pending
	list := b.mustRun(0, "dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json")
	says(t, list, `"pending": 57,?$`)
	says(t, b.mustRun(0, "dlq", "runs", b.queue, "--ledger", b.ledger), `stopped +5 +60 `)
}

func TestCanaryGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 3)
	b.fill(0, 60, 100)
	startService(b, "billing", func(r kafka.Record) *failure {
		if number(r) == 1 {
			return &failure{"Other", "another thing"}
		}
		return nil
	})
	out := b.mustReplay("--canary", "5", "--stop-if-redead", "20%", "--settle", "1s")
	says(t, out, `^canary: 5 replayed: 4 passed, 1 dead again \(another error\)$`)
	if n := b.count(b.source); n != 60 {
		t.Errorf("%d letters were sent, want 60\n%s", n, out)
	}
}

// A canary that nobody consumes decides nothing, and nothing is sent after it.
func TestCanaryWithoutConsumer(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	out, code := b.replay("--canary", "2", "--canary-patience", "2s")
	if code != 5 {
		t.Fatalf("exit %d, want 5\n%s", code, out)
	}
	says(t, out, `^error: canary: the outcome of 2 of 2 letters is not known after \d+s \(group billing has not committed \S+/0 up to 2\); stopped, no further letter was sent$`)
	if n := b.count(b.source); n != 2 {
		t.Errorf("%d letters were sent, want 2", n)
	}
}

func TestWatchTellsWhatBecameOfLetters(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 3)
	b.fill(0, 300, 100)
	ledger := []string{"--ledger", b.ledger}
	b.mustReplay()
	out := b.mustRun(4, append([]string{"dlq", "watch", "--once"}, ledger...)...)
	says(t, out, `300 replayed: 0 passed, 300 not yet reached$`)
	says(t, out, `^waiting for group billing on \S+/0: has committed nothing, 100 letters up to \d+$`)

	startService(b, "billing", func(r kafka.Record) *failure {
		switch n := number(r); {
		case n >= 30 && n < 50:
			return &failure{"*errors.errorString", "no such invoice 5"}
		case n == 7:
			return &failure{"Timeout", "took 30 s"}
		}
		return nil
	})
	out = b.mustRun(5, append([]string{"dlq", "watch", "--until-done", "--settle", "1s"}, ledger...)...)
	says(t, out, `^run [0-9A-Z]{26}: 300 replayed: 279 passed, 21 dead again \(20 with the same error\)$`)
	says(t, out, `^failure [0-9a-f]{8}, the same error: 20 letters, \*errors\.errorString: no such invoice 5 `)
	says(t, out, `^failure [0-9a-f]{8}, another error: 1 letter, Timeout: took 30 s \(1@\d+ was 1@2\)$`)
	run := lineOf(t, out, `^run ([0-9A-Z]{26}):`)
	says(t, b.mustRun(0, append([]string{"dlq", "verify", run}, ledger...)...), `^run \S+: 300 of 300 letters once on `+regexp.QuoteMeta(b.source)+`$`)
	out = b.mustRun(0, append([]string{"dlq", "trace", b.queue, "1@2", "--settle", "1s"}, ledger...)...)
	says(t, out, `^  dead again: now 1@\d+, failure [0-9a-f]{8}: Timeout: took 30 s$`)
	out = b.mustRun(0, append([]string{"dlq", "trace", b.queue, "1@3", "--settle", "1s"}, ledger...)...)
	says(t, out, `^  \S+ replayed by \S+, run `+run+`, to `+regexp.QuoteMeta(b.source)+`/1@\d+$`)
	says(t, out, `^  passed$`)
	if !strings.Contains(out, "in group billing") {
		t.Errorf("trace does not name the group\n%s", out)
	}
}

// Letters come back in forms of other producers: with no coordinates but the
// replay's id, or with nothing but the event; and some of which nobody can tell.
func TestWatchKnowsLettersInOtherForms(t *testing.T) {
	t.Parallel()
	event := func(n int) string {
		return fmt.Sprintf(`{"id":"e-%d","type":"tenant.created","source":"tenants","time":"2026-11-23T03:53:57Z","dataVersion":"1.0","dataContentType":"application/json","data":{"n":%d}}`, n, n)
	}
	for name, tt := range map[string]struct {
		letter func(b *bench, l letters.Letter, r kafka.Record) kafka.Record
		want   string
	}{
		"by the replay's id": {func(b *bench, l letters.Letter, r kafka.Record) kafka.Record {
			// the record's own headers, as a producer copies them that adds an error alone
			kept := []kafka.Header{{Name: "reason_poisoned", Value: []byte("boom")}}
			for _, h := range r.Headers {
				if !strings.HasPrefix(h.Name, "dlq-original-") {
					kept = append(kept, h)
				}
			}
			return kafka.Record{Topic: b.queue, Partition: r.Partition, Key: r.Key, Value: []byte(`{"other":"content"}`), Headers: kept}
		}, `10 replayed: 8 passed, 2 dead again \(another error\)$`},
		"by the event's id": {func(b *bench, l letters.Letter, r kafka.Record) kafka.Record {
			return kafka.Record{Topic: b.queue, Partition: 0, Value: r.Value}
		}, `10 replayed: 8 passed, 2 dead again \(another error\)$`},
		"by a Node service": {func(b *bench, l letters.Letter, r kafka.Record) kafka.Record {
			return kafka.Record{Topic: b.queue, Partition: 0, Value: letters.WithError(r.Value, letters.Letter{Message: "boom"})}
		}, `10 replayed: 8 passed, 2 dead again \(another error\)$`},
		"by nothing": {func(b *bench, l letters.Letter, r kafka.Record) kafka.Record {
			return kafka.Record{Topic: b.queue, Partition: 0, Value: []byte("who knows"), Timestamp: time.Now()}
		}, `10 replayed: 0 passed, 10 unverifiable$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, realkafka.Shared(t), 1)
			for i := range 10 {
				b.put(b.failed(i, failure{"Old", "old error"}, event(i)))
			}
			b.mustReplay()
			s := &service{bench: b, topic: b.source, group: "billing", next: map[kafka.TopicPartition]int64{}}
			s.fails = func(r kafka.Record) *failure {
				if e, err := events.Parse(r.Value); err == nil && (e.ID == "e-3" || e.ID == "e-4") {
					return &failure{"New", "new error"}
				}
				return nil
			}
			s.letter = func(l letters.Letter, r kafka.Record) kafka.Record { return tt.letter(b, l, r) }
			s.start()
			out := b.mustRun(5, "dlq", "watch", "--until-done", "--settle", "1s", "--ledger", b.ledger)
			says(t, out, `^run [0-9A-Z]{26}: `+tt.want)
		})
	}
}
