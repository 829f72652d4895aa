package console

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
)

// errShort says that a record goes on beyond the bytes at hand.
var errShort = errors.New("ends too early")

// newPartRecords reads records in the verbs of a percent format. A format that
// ends with a newline and has no counted fields is read line by line, so that
// a broken line is one record's affair; any other reads on where the last
// record ended, and what it cannot read ends the run.
func newPartRecords(opts ProduceOptions, bound *topicInfo) (recordReader, error) {
	d, err := newPartDecoder(opts.Format.Parts)
	if err != nil {
		return nil, err
	}
	d.bound = bound.maxBytes
	if opts.Template != nil {
		return &templateRecords{template: opts.Template, count: opts.Count, decode: d.whole, bound: 6 * bound.maxBytes}, nil
	}
	if body, ok := lineFormat(d.parts); ok {
		d.parts = body
		lines := newLineReader(nil, 6*bound.maxBytes)
		return &lineRecords{lines: lines, decode: d.whole, bound: bound.maxBytes}, nil
	}
	if endsOpen(d.parts) {
		d.parts = append(d.parts[:len(d.parts):len(d.parts)], Part{Field: Literal, Literal: []byte{'\n'}})
	}
	return &streamRecords{decoder: d, max: 6*bound.maxBytes + 64<<10}, nil
}

// lineFormat gives the parts within a line where the format has one record on
// each line.
func lineFormat(parts []Part) ([]Part, bool) {
	last := len(parts) - 1
	for i, p := range parts {
		if bytes.IndexByte(p.Literal, '\n') >= 0 && (i < last || bytes.IndexByte(p.Literal, '\n') < len(p.Literal)-1) {
			return nil, false
		}
		if binaryPart(p) {
			return nil, false
		}
	}
	end := parts[last].Literal
	if parts[last].Field != Literal || end[len(end)-1] != '\n' {
		// Nothing says where a record ends: each line is one.
		return parts, parts[last].Field != Literal
	}
	body := append([]Part{}, parts[:last]...)
	if end = end[:len(end)-1]; len(end) > 0 {
		body = append(body, Part{Field: Literal, Literal: end})
	}
	return body, true
}

// endsOpen tells whether nothing says where the format's last part ends.
func endsOpen(parts []Part) bool {
	var sized [Event + 1]bool
	for _, p := range parts {
		if p.Field == TopicLen || p.Field == KeyLen || p.Field == ValueLen {
			sized[p.Field-1] = true
		}
	}
	return runsOn(parts[len(parts)-1], sized)
}

// binaryPart tells the parts whose bytes may hold a newline.
func binaryPart(p Part) bool {
	switch p.Field {
	case TopicLen, KeyLen, ValueLen, HeaderCount:
		return true
	}
	return p.Number == Big || p.Number == Little
}

// partDecoder reads one record by the parts of a format.
type partDecoder struct {
	parts   []Part
	regexps map[string]*regexp.Regexp
	bound   int // of a counted field
	buf     []byte
	at      []byte // what is left to read
	end     bool   // nothing follows at
	counts  [Event + 1]count
}

// count is a length or a number of headers that a record gave.
type count struct {
	n   int64
	set bool
}

func newPartDecoder(parts []Part) (*partDecoder, error) {
	d := &partDecoder{parts: parts, regexps: map[string]*regexp.Regexp{}}
	return d, d.compile(parts)
}

func (d *partDecoder) compile(parts []Part) error {
	for _, p := range parts {
		if p.Text == Regexp {
			re, err := regexp.Compile(`\A(?:` + p.Pattern + `)`)
			if err != nil {
				return err
			}
			re.Longest()
			d.regexps[p.Pattern] = re
		}
		if err := d.compile(p.Header); err != nil {
			return err
		}
	}
	return nil
}

// whole reads a record that takes all of text.
func (d *partDecoder) whole(text []byte, rec *inRecord) error {
	n, err := d.record(text, true, rec)
	if err == nil && n < len(text) {
		return fmt.Errorf("%d bytes are left after the format's end", len(text)-n)
	}
	return err
}

// record reads a record from the start of text and says how long it was.
// Unless end, errShort asks for more text.
func (d *partDecoder) record(text []byte, end bool, rec *inRecord) (int, error) {
	rec.reset()
	d.buf, d.at, d.end = d.buf[:0], text, end
	d.counts = [Event + 1]count{}
	for i, p := range d.parts {
		if err := d.part(p, follower(d.parts, i), rec); err != nil {
			if errors.Is(err, errShort) && !end {
				return 0, errShort
			}
			return 0, fmt.Errorf("%s: %w", partName(p), err)
		}
	}
	return len(text) - len(d.at), nil
}

func partName(p Part) string {
	if p.Field == Literal {
		return fmt.Sprintf("%q", p.Literal)
	}
	return verbOf(p.Field)
}

// follower is the text that ends part i, nil where the record's end does.
func follower(parts []Part, i int) []byte {
	for _, p := range parts[i+1:] {
		if p.Field == Literal {
			return p.Literal
		}
		if p.Number != Exact {
			return nil
		}
	}
	return nil
}

func (d *partDecoder) part(p Part, until []byte, rec *inRecord) error {
	switch p.Field {
	case Literal:
		return d.literal(p.Literal)
	case Topic, Key, Value:
		text, err := d.text(p, until)
		if err != nil {
			return err
		}
		switch p.Field {
		case Topic:
			rec.topic = text
		case Key:
			rec.key = text
		default:
			rec.value = text
		}
		return nil
	case Headers:
		return d.headers(p, rec)
	case Timestamp:
		ms, err := d.timestamp(p, until)
		if err != nil {
			return err
		}
		rec.timestamp = ms
		return checkTimestamp(ms)
	}
	n, err := d.number(p)
	if err != nil {
		return err
	}
	switch p.Field {
	case TopicLen, KeyLen, ValueLen:
		if n < -1 || n > int64(d.bound) {
			return fmt.Errorf("length %d: want -1, for null, to %d", n, d.bound)
		}
		d.counts[p.Field-1] = count{n, true}
	case HeaderCount:
		if n < 0 || n > int64(d.bound) {
			return fmt.Errorf("%d headers: want 0 to %d", n, d.bound)
		}
		d.counts[Headers] = count{n, true}
	case Partition:
		if n < 0 || n > 1<<31-1 {
			return fmt.Errorf("partition %d: want a number from 0", n)
		}
		rec.partition = int32(n)
	}
	return nil
}

func (d *partDecoder) literal(want []byte) error {
	n := min(len(want), len(d.at))
	if !bytes.Equal(d.at[:n], want[:n]) {
		return fmt.Errorf("%q stands there instead", d.at[:n])
	}
	if n < len(want) {
		return errShort
	}
	d.at = d.at[n:]
	return nil
}

// headers reads as many headers as the record said.
func (d *partDecoder) headers(p Part, rec *inRecord) error {
	outer := d.counts
	for i := range outer[Headers].n {
		var h inRecord
		d.counts[Key], d.counts[Value] = count{}, count{}
		for j, part := range p.Header {
			if err := d.part(part, follower(p.Header, j), &h); err != nil {
				if errors.Is(err, errShort) && !d.end {
					return errShort
				}
				return fmt.Errorf("header %d: %s: %w", i+1, partName(part), err)
			}
		}
		rec.headers = append(rec.headers, rawHeader{name: notNil(h.key), value: h.value})
	}
	d.counts = outer
	return nil
}

// streamRecords reads records that may hold anything, newlines too, from a
// window over the input that holds at least one whole record.
type streamRecords struct {
	decoder *partDecoder
	max     int
	window  []byte // unread
	kept    []byte // the memory of a window put together
	end     bool
	n       int64
	used    int // bytes of the window that the last record took
}

// feed copies what is left in front of the new block.
func (s *streamRecords) feed(data []byte, end bool) {
	if s.end {
		s.n = 0
	}
	if rest := s.window[s.used:]; len(rest) == 0 {
		s.window = data
	} else {
		s.kept = append(append(s.kept[:0], rest...), data...)
		s.window = s.kept
	}
	s.used, s.end = 0, end
}

func (s *streamRecords) next(rec *inRecord) (inputStatus, error) {
	s.window, s.used = s.window[s.used:], 0
	if len(s.window) == 0 {
		return recordStarved, nil
	}
	n, err := s.decoder.record(s.window, s.end, rec)
	switch {
	case errors.Is(err, errShort) && !s.end && len(s.window) <= s.max:
		s.keep()
		return recordStarved, nil
	case errors.Is(err, errShort) && !s.end:
		err = fmt.Errorf("goes on for more than %d bytes, the topic takes %d in one record", s.max, s.decoder.bound)
	case err == nil && n == 0:
		err = errors.New("the format reads nothing here")
	}
	s.n++
	if err != nil {
		// Where the next record begins is not known.
		return recordsEnd, err
	}
	s.used = n
	return recordReady, nil
}

// keep moves the window into memory of its own: its block is given back.
func (s *streamRecords) keep() {
	s.kept = append(s.kept[:0], s.window...)
	s.window = s.kept
}

func (s *streamRecords) place() Place { return Place{Unit: "record", N: s.n} }

func (s *streamRecords) text() ([]byte, bool) { return nil, false }
