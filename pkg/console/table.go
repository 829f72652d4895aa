package console

import (
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// columns are the widths of a table's columns before the value; 0 is a column
// that is left out.
type columns struct {
	topic, partition, offset, stamp, event, key int
	// most is how wide a key may be; 0 is no limit, for the other columns too.
	most int
}

// shortTime is how wide a time without its date is.
const shortTime = len(time.TimeOnly)

// columnsFor leaves the value room on a terminal: key and value are what a
// person looks for, and where they lie can do with less. topic is that of the
// first record, width the terminal's, 0 for none.
func columnsFor(width int, topic string, events bool) columns {
	const room = 20 // for the value
	c := columns{topic: 12, partition: len("PARTITION"), offset: 10, stamp: len(timestampLayout), key: 16}
	if events {
		c.event = 24
	}
	if width <= 0 {
		return c
	}
	c.topic = max(c.topic, min(runewidth.StringWidth(topic), 24))
	for _, less := range []func(){
		func() { c.stamp = shortTime },
		func() { c.partition, c.offset = 3, 8 },
		func() { c.topic = min(c.topic, 12) },
		func() { c.stamp = 0 },
		func() { c.topic = 0 },
		func() { c.event = 0 },
		func() { c.key = 10 },
		func() { c.partition, c.offset = 0, 0 },
	} {
		if width-c.taken()-c.key >= room+2 {
			break
		}
		less()
	}
	c.most = max(c.key, (width-c.taken()-2)/2)
	return c
}

// taken is what the columns before the key take, with the space behind them.
func (c *columns) taken() int {
	sum := 0
	for _, w := range []int{c.topic, c.partition, c.offset, c.stamp, c.event} {
		if w > 0 {
			sum += w + 2
		}
	}
	return sum
}

// appendRow writes one line of the table, after its head the first time.
// Records come one by one, so widths are set before they are known: a longer
// cell pushes the rest of its line, or is cut on a terminal. Types of events
// have a column when the first record is one.
func (p *Printer) appendRow(dst []byte, r *kafka.Record) []byte {
	if !p.table {
		p.table = true
		width := 0
		if p.opts.Terminal {
			width = p.opts.Width
		}
		p.columns = columnsFor(width, terminal.Escape(r.Topic), EventType(r) != nil)
		partition, stamp := "PARTITION", "TIMESTAMP"
		if p.columns.partition < len(partition) {
			partition = "P"
		}
		if p.columns.stamp <= shortTime {
			stamp = "TIME"
		}
		dst = p.appendCells(dst, "TOPIC", partition, "OFFSET", stamp, "TYPE", "KEY", "VALUE", "HEADERS")
	}
	name := "-"
	if t := EventType(r); p.columns.event > 0 && t != nil {
		name = cell(t)
	}
	stamp := "-"
	if !r.Timestamp.IsZero() {
		layout := timestampLayout
		if p.columns.stamp <= shortTime {
			layout = time.TimeOnly
		}
		stamp = r.Timestamp.UTC().Format(layout)
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
	c := &p.columns
	add := func(text string, width, most int, fill func(string, int) string) {
		if width == 0 {
			return
		}
		if c.most > 0 && most > 0 {
			text = runewidth.Truncate(text, most, "…")
		}
		line.WriteString(fill(text, width) + "  ")
	}
	add(topic, c.topic, c.topic, runewidth.FillRight)
	add(partition, c.partition, 0, runewidth.FillLeft) // numbers are never cut
	add(offset, c.offset, 0, runewidth.FillLeft)
	add(stamp, c.stamp, 0, runewidth.FillRight)
	add(event, c.event, c.event, runewidth.FillRight)
	add(key, c.key, c.most, runewidth.FillRight)
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
