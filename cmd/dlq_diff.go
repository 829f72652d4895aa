package cmd

import (
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// diffText shows what differs between two records, with what the context masks
// hidden in both.
func diffText(was, now *kafka.Record, mask console.Mask, colour bool) string {
	var b strings.Builder
	section := func(name string, was, now []byte) {
		lines := fix.Diff(was, now)
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "  %s\n", name)
		for _, l := range lines {
			text := "  " + string(l.Op) + " " + terminal.Escape(l.Text)
			switch l.Op {
			case '@':
				text = "  …"
			case '-':
				text = paint(colour, styleError, text)
			case '+':
				text = paint(colour, styleGood, text)
			}
			b.WriteString(text + "\n")
		}
	}
	was, now = mask.Record(was), mask.Record(now)
	section("key", []byte(bytesShown(was.Key)), []byte(bytesShown(now.Key)))
	section("headers", headerLines(was.Headers), headerLines(now.Headers))
	section("value", fix.Shown(was.Value), fix.Shown(now.Value))
	return b.String()
}

func headerLines(headers []kafka.Header) []byte {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h.Name + ": " + headerShown(h) + "\n")
	}
	return []byte(b.String())
}

// changesText shows the sampled changes of a dry run.
func changesText(counts dlq.FixCounts, changes []dlq.Change, mask console.Mask, colour bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "changes %s of %s\n", grouped(counts.Changed), plural(counts.Letters, "letter"))
	for i := range changes {
		c := &changes[i]
		fmt.Fprintf(&b, "letter %s\n%s", c.Letter, diffText(&c.Was, &c.Now, mask, colour))
	}
	return b.String()
}

// changeRow is a change as -o json has it.
type changeRow struct {
	Letter string         `json:"letter"`
	Was    map[string]any `json:"was"`
	Now    map[string]any `json:"now"`
}

// changeRows are changes with what the context masks hidden.
func changeRows(changes []dlq.Change, mask console.Mask) []changeRow {
	rows := make([]changeRow, len(changes))
	side := func(record kafka.Record) map[string]any {
		r := mask.Record(&record)
		return map[string]any{"key": bytesShown(r.Key), "headers": string(headerLines(r.Headers)), "value": bytesShown(r.Value)}
	}
	for i, c := range changes {
		rows[i] = changeRow{c.Letter, side(c.Was), side(c.Now)}
	}
	return rows
}
