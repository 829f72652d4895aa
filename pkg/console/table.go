package console

import (
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// appendRow writes one line of the table, after its head the first time.
// Records come one by one, so widths are set before they are known: a longer
// cell pushes the rest of its line. Types of events have a column when the first
// record is one.
func (p *Printer) appendRow(dst []byte, r *kafka.Record) []byte {
	if !p.table {
		p.table = true
		p.events = EventType(r) != nil
		dst = p.appendCells(dst, "TOPIC", "PARTITION", "OFFSET", "TIMESTAMP", "TYPE", "KEY", "VALUE", "HEADERS")
	}
	name := "-"
	if p.events {
		if t := EventType(r); t != nil {
			name = cell(t)
		}
	}
	stamp := "-"
	if !r.Timestamp.IsZero() {
		stamp = r.Timestamp.UTC().Format(timestampLayout)
	}
	var headers []string
	for _, h := range r.Headers {
		headers = append(headers, terminal.Escape(h.Name)+"="+cell(h.Value))
	}
	return p.appendCells(dst, terminal.Escape(r.Topic), strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10),
		stamp, name, cell(r.Key), cell(r.Value), strings.Join(headers, " "))
}

// cell is what a table shows of bytes: never more than anyone reads on a line.
func cell(b []byte) string {
	const most = 64 << 10
	switch {
	case b == nil:
		return "null"
	case len(b) == 0:
		return `""`
	case len(b) > most:
		return terminal.Escape(string(b[:most])) + "…"
	}
	return terminal.Escape(string(b))
}

func (p *Printer) appendCells(dst []byte, topic, partition, offset, stamp, event, key, value, headers string) []byte {
	var line strings.Builder
	line.WriteString(runewidth.FillRight(topic, 12) + "  ")
	line.WriteString(runewidth.FillLeft(partition, 9) + "  ")
	line.WriteString(runewidth.FillLeft(offset, 10) + "  ")
	line.WriteString(runewidth.FillRight(stamp, 24) + "  ")
	if p.events {
		line.WriteString(runewidth.FillRight(event, 24) + "  ")
	}
	line.WriteString(runewidth.FillRight(key, 16) + "  ")
	line.WriteString(value)
	if headers != "" {
		line.WriteString("  " + headers)
	}
	text := strings.TrimRight(line.String(), " ")
	if p.opts.Terminal && p.opts.Width > 0 {
		text = runewidth.Truncate(text, p.opts.Width, "…")
	}
	return append(append(dst, text...), '\n')
}
