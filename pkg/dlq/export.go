package dlq

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ExportOptions say what to export. The zero value exports every queue.
type ExportOptions struct {
	// Queues are names or globs, see [ListOptions].
	Queues []string
	// NoGroups leaves out pending letters by consumer group, for which every
	// pending letter is read.
	NoGroups bool
	// Ledger is the ledger topic; default [DefaultLedger].
	Ledger string
	// Now is the time that ages are measured at.
	Now time.Time
	// Keep keeps the queues' watermarks alive, see [KeepWatermarks]. That it
	// fails changes no gauge.
	Keep bool
}

// metric is one family of the text exposition format.
type metric struct {
	name, help string
	lines      []string
}

// Export gives the state of dead letter queues in Prometheus' text exposition
// format, version 0.0.4: gauges named dlq_*, by queue and topic, and pending
// letters by consumer group, of which a queue names at most 50. What selects
// nothing is in missed.
func Export(ctx context.Context, c *kafka.Client, opts ExportOptions) (text []byte, missed []string, err error) {
	list, err := List(ctx, c, ListOptions{Queues: opts.Queues, Ledger: opts.Ledger})
	if err != nil {
		return nil, nil, err
	}
	if opts.Keep {
		// A broker in trouble shows in the gauges.
		_ = KeepWatermarks(ctx, c, list.Queues)
	}
	pending := metric{name: "dlq_pending_letters", help: "Letters that nobody replayed, discarded or parked."}
	grouped := metric{name: "dlq_pending_letters_by_group", help: "Pending letters by the consumer group that failed; empty where the letter does not tell."}
	resolved := metric{name: "dlq_resolved_letters", help: "Letters still in the queue that were replayed, discarded or parked."}
	parked := metric{name: "dlq_parked_letters", help: "Letters taken out of replays and kept."}
	age := metric{name: "dlq_oldest_pending_age_seconds", help: "Age of the oldest pending letter."}
	expiry := metric{name: "dlq_oldest_pending_expires_seconds", help: "Time until the oldest pending letter may be deleted; negative: at any moment."}
	queues := metric{name: "dlq_queues", help: "Dead letter queues that were found; a broker hides those that the user may not describe."}
	queues.add(float64(len(list.Queues)))
	up := metric{name: "dlq_up", help: "Whether the queue could be looked at."}
	for _, q := range list.Queues {
		labels := []string{"dlq", q.Name, "topic", q.Source}
		if q.Error != "" {
			up.add(0, labels...)
			continue
		}
		up.add(1, labels...)
		pending.add(float64(q.Pending), labels...)
		resolved.add(float64(q.Resolved), labels...)
		parked.add(float64(q.Parked), labels...)
		if q.Oldest != nil {
			age.add(max(0, opts.Now.Sub(q.Oldest.Timestamp)).Seconds(), labels...)
			if !q.Oldest.Expires.IsZero() {
				expiry.add(q.Oldest.Expires.Sub(opts.Now).Seconds(), labels...)
			}
		}
		if opts.NoGroups || q.Pending == 0 {
			continue
		}
		if err := addGroups(ctx, c, &grouped, q, opts.Ledger); err != nil {
			return nil, nil, err
		}
	}
	var b strings.Builder
	for _, m := range []metric{queues, up, pending, grouped, resolved, parked, age, expiry} {
		m.write(&b)
	}
	return []byte(b.String()), list.Missed, nil
}

// addGroups reads the pending letters of a queue and counts them by topic and group.
func addGroups(ctx context.Context, c *kafka.Client, m *metric, q Queue, ledger string) error {
	r, err := openReading(ctx, c, q.Name, ledger)
	if err != nil {
		return err
	}
	counts, err := r.countGroups(ctx)
	if err != nil {
		return err
	}
	for _, t := range tallies(counts) {
		topic, group, _ := strings.Cut(t.Name, "\x00")
		m.add(float64(t.Count), "dlq", q.Name, "topic", topic, "group", group)
	}
	return nil
}

func (m *metric) add(value float64, labels ...string) {
	var b strings.Builder
	b.WriteString(m.name)
	for i := 0; i < len(labels); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, `%s="%s"`, labels[i], labelValue(labels[i+1]))
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	b.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64))
	m.lines = append(m.lines, b.String())
}

// labelValue escapes as the exposition format wants it.
func labelValue(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

func (m *metric) write(b *strings.Builder) {
	if len(m.lines) == 0 {
		return
	}
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
	slices.Sort(m.lines)
	for _, line := range m.lines {
		b.WriteString(line + "\n")
	}
}
