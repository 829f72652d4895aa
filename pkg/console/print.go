package console

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/itchyny/timefmt-go"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Line says what the default output shows of a record besides its value, and
// in which words: those of Kafka's own console consumer. Fields stand in the
// order of this struct, with Separator between them and a newline at the end.
type Line struct {
	Topic, Timestamp, Partition, Offset, Event, Headers, Key bool
	// NoValue leaves the value out.
	NoValue bool
	// Separator stands between fields; empty is a tab.
	Separator string
}

// PrintOptions say how records are written. The zero value writes each value
// and a newline.
type PrintOptions struct {
	// Format is used when it is set, else Line.
	Format *Format
	Line   Line
	// Null stands for a null key, value or header value where the form has no
	// null of its own: in Line, [Raw], [Hex] and plain text of verbs.
	Null string
	// Mask hides members of JSON values, and what repeats them, in every form.
	Mask Mask
	// Terminal escapes what acts on a terminal.
	Terminal bool
	// Width is the terminal's, for [Table]: longer lines are cut. 0 is no limit.
	Width int
}

// Printer writes records as text. It is for one goroutine.
type Printer struct {
	opts    PrintOptions
	count   int64
	scratch []byte
	table   bool // the head is written
	columns columns
}

// NewPrinter returns a Printer with the given options.
func NewPrinter(opts PrintOptions) *Printer {
	if opts.Line.Separator == "" {
		opts.Line.Separator = "\t"
	}
	return &Printer{opts: opts}
}

// Append appends the record's text to dst. It does not keep r.
func (p *Printer) Append(dst []byte, r *kafka.Record) []byte {
	p.count++
	r = p.opts.Mask.Record(r)
	f := p.opts.Format
	if f == nil {
		return p.appendLine(dst, r)
	}
	switch f.Keyword {
	case JSONL:
		return append(AppendEnvelope(dst, r), '\n')
	case JSON:
		p.scratch = AppendEnvelope(p.scratch[:0], r)
		b := bytes.NewBuffer(dst)
		// The envelope is JSON, the only error there could be.
		_ = json.Indent(b, p.scratch, "", "  ")
		return append(b.Bytes(), '\n')
	case Raw:
		return append(p.appendText(dst, r.Value), '\n')
	case Hex:
		if r.Value == nil {
			return append(p.appendText(dst, nil), '\n')
		}
		return append(hex.AppendEncode(dst, r.Value), '\n')
	case Table:
		return p.appendRow(dst, r)
	}
	return p.appendParts(dst, r, f.Parts)
}

// appendText appends bytes as they are, or escaped for a terminal; newlines
// and tabs stay in both.
func (p *Printer) appendText(dst, b []byte) []byte {
	if b == nil {
		return append(dst, p.opts.Null...)
	}
	if !p.opts.Terminal {
		return append(dst, b...)
	}
	for {
		n := bytes.IndexAny(b, "\n\t")
		if n < 0 {
			return terminal.AppendEscape(dst, b)
		}
		dst = append(terminal.AppendEscape(dst, b[:n]), b[n])
		b = b[n+1:]
	}
}

func (p *Printer) appendLine(dst []byte, r *kafka.Record) []byte {
	l := &p.opts.Line
	if l.Topic {
		dst = append(dst, "Topic:"...)
		dst = append(p.appendText(dst, []byte(r.Topic)), l.Separator...)
	}
	if l.Timestamp {
		switch {
		case r.Timestamp.IsZero():
			dst = append(dst, "NO_TIMESTAMP"...)
		case r.TimestampType == kafka.LogAppendTime:
			dst = strconv.AppendInt(append(dst, "LogAppendTime:"...), r.Timestamp.UnixMilli(), 10)
		default:
			dst = strconv.AppendInt(append(dst, "CreateTime:"...), r.Timestamp.UnixMilli(), 10)
		}
		dst = append(dst, l.Separator...)
	}
	if l.Partition {
		dst = strconv.AppendInt(append(dst, "Partition:"...), int64(r.Partition), 10)
		dst = append(dst, l.Separator...)
	}
	if l.Offset {
		dst = strconv.AppendInt(append(dst, "Offset:"...), r.Offset, 10)
		dst = append(dst, l.Separator...)
	}
	if l.Event {
		if name := EventType(r); name != nil {
			dst = p.appendText(append(dst, "Type:"...), name)
		} else {
			dst = append(dst, "NO_TYPE"...)
		}
		dst = append(dst, l.Separator...)
	}
	if l.Headers {
		dst = append(p.appendHeaders(dst, r.Headers), l.Separator...)
	}
	if l.Key {
		dst = append(p.appendText(dst, r.Key), l.Separator...)
	}
	if l.NoValue {
		return append(bytes.TrimSuffix(dst, []byte(l.Separator)), '\n')
	}
	return append(p.appendText(dst, r.Value), '\n')
}

func (p *Printer) appendHeaders(dst []byte, headers []kafka.Header) []byte {
	if len(headers) == 0 {
		return append(dst, "NO_HEADERS"...)
	}
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(p.appendText(dst, []byte(h.Name)), ':')
		if h.Value == nil && p.opts.Null == "" {
			dst = append(dst, "null"...) // as Kafka's own tool writes it
			continue
		}
		dst = p.appendText(dst, h.Value)
	}
	return dst
}

func (p *Printer) appendParts(dst []byte, r *kafka.Record, parts []Part) []byte {
	for i := range parts {
		part := &parts[i]
		start := len(dst)
		switch part.Field {
		case Literal:
			dst = append(dst, part.Literal...)
			continue // the user's own bytes
		case Topic:
			dst = p.appendForm(dst, part, []byte(r.Topic))
		case Key:
			dst = p.appendForm(dst, part, r.Key)
		case Value:
			dst = p.appendForm(dst, part, r.Value)
		case Event:
			dst = p.appendForm(dst, part, EventType(r))
		case Headers:
			for _, h := range r.Headers {
				dst = p.appendParts(dst, &kafka.Record{Key: []byte(h.Name), Value: h.Value}, part.Header)
			}
			continue
		case Timestamp:
			dst = appendTime(dst, part, r.Timestamp)
		default:
			dst = appendNumber(dst, part, p.number(part.Field, r))
		}
		if p.opts.Terminal && (part.Number != ASCII || part.Text == Unpack || part.Text == JSONText) {
			p.scratch = append(p.scratch[:0], dst[start:]...)
			dst = terminal.AppendEscape(dst[:start], p.scratch)
		}
	}
	return dst
}

// number is the value of a field that is a number.
func (p *Printer) number(f Field, r *kafka.Record) int64 {
	switch f {
	case TopicLen:
		return int64(len(r.Topic))
	case KeyLen:
		return length(r.Key)
	case ValueLen:
		return length(r.Value)
	case HeaderCount:
		return int64(len(r.Headers))
	case Partition:
		return int64(r.Partition)
	case Offset:
		return r.Offset
	case LeaderEpoch:
		return int64(r.LeaderEpoch)
	}
	return p.count
}

func length(b []byte) int64 {
	if b == nil {
		return -1
	}
	return int64(len(b))
}

func (p *Printer) appendForm(dst []byte, part *Part, b []byte) []byte {
	if b == nil && part.Text != JSONText {
		return append(dst, p.opts.Null...)
	}
	switch part.Text {
	case HexText:
		return hex.AppendEncode(dst, b)
	case Base64:
		return base64.StdEncoding.AppendEncode(dst, b)
	case Base64Raw:
		return base64.RawStdEncoding.AppendEncode(dst, b)
	case JSONText:
		return appendAsJSON(dst, b)
	case Unpack:
		return appendUnpacked(dst, part.Pattern, b)
	}
	return p.appendText(dst, b)
}

// appendAsJSON appends JSON on one line: b's own when it is JSON, else a
// string, in base64 when b is no text.
func appendAsJSON(dst, b []byte) []byte {
	if json.Valid(b) {
		buf := bytes.NewBuffer(dst)
		_ = json.Compact(buf, b) // cannot fail on valid JSON
		return buf.Bytes()
	}
	if b != nil && !utf8.Valid(b) {
		return appendBase64(dst, b)
	}
	return appendJSONBytes(dst, b, "")
}

func appendTime(dst []byte, part *Part, t time.Time) []byte {
	switch part.Time {
	case GoTime:
		return t.UTC().AppendFormat(dst, part.Layout)
	case Strftime:
		return timefmt.AppendFormat(dst, t.UTC(), part.Layout)
	}
	return appendNumber(dst, part, kafka.Milliseconds(t))
}

func appendNumber(dst []byte, part *Part, n int64) []byte {
	switch part.Number {
	case HexNum:
		if part.Width == 0 {
			return strconv.AppendUint(dst, uint64(n), 16)
		}
		digits := strconv.AppendUint(nil, uint64(n), 16)
		for range part.Width - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits[max(0, len(digits)-part.Width):]...)
	case Big:
		b := binary.BigEndian.AppendUint64(nil, uint64(n))
		return append(dst, b[8-part.Width:]...)
	case Little:
		b := binary.LittleEndian.AppendUint64(nil, uint64(n))
		return append(dst, b[:part.Width]...)
	case Bool:
		return strconv.AppendBool(dst, n > 0)
	}
	return strconv.AppendInt(dst, n, 10)
}
