package events

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"sync"
)

// ErrChanged is a file that is not what it was when it was indexed.
var ErrChanged = errors.New("it changed after it was checked")

// MaxIndex bounds an index, in bytes, unless told otherwise.
const MaxIndex = 32 << 20

// An Index remembers where the valid lines of a file have what their records are
// made of, so that a second reading need not check them again; see
// [LineOptions] and [Validator.RecallLines]. The zero value is empty and ready.
// It serves one call at a time.
type Index struct {
	// MaxBytes bounds it, at some 20 bytes an event; 0 stands for MaxIndex. Lines
	// beyond are checked again.
	MaxBytes int

	runs []indexedRun
	size int
	full bool // it ends before the file does
	seed maphash.Seed

	mu     sync.Mutex
	topics []string
}

// indexedRun is a run of whole lines.
type indexedRun struct {
	length int
	hash   uint64
	lines  int64
	// entries has, for each line that is not empty, the number of its topic and
	// where its parts lie; or 0 for a line that is to be checked again.
	entries []byte
}

// parts that a record repeats from its line, in the order of its headers.
const (
	partKey = iota
	partID
	partType
	partVersion
	partTenant
	partCorrelation
	parts
)

// partNames are those of the headers, by part.
func partNames() [parts]string {
	return [parts]string{partID: HeaderID, partType: HeaderType, partVersion: HeaderVersion, partTenant: HeaderTenant, partCorrelation: HeaderCorrelation}
}

// prepare makes an index ready to be filled.
func (x *Index) prepare() {
	x.runs, x.size, x.full, x.topics = nil, 0, false, nil
	x.seed = maphash.MakeSeed()
	if x.MaxBytes <= 0 {
		x.MaxBytes = MaxIndex
	}
}

// topic gives the number of a topic, from 1.
func (x *Index) topic(name string) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.Index(x.topics, name)
	if i < 0 {
		i = len(x.topics)
		x.topics = append(x.topics, name)
	}
	return uint64(i + 1)
}

// places are where the parts lay in the line before: mostly they lie there again.
type places [parts]int

// find gives where value lies in text, -1 when it does not as it stands.
func (p *places) find(part int, text, value []byte) int {
	if at := p[part]; at+len(value) <= len(text) && string(text[at:at+len(value)]) == string(value) {
		return at
	}
	at := bytes.Index(text, value)
	p[part] = max(at, 0)
	return at
}

// note adds the entry of a line to dst. What is not found in the line as it
// stands there, such as a key joined from two members, has it checked again.
func (x *Index) note(dst []byte, l *Line, before *places) []byte {
	start := len(dst)
	if l.Err != nil || !sameSlice(l.Text, l.Record.Value) {
		return append(dst, 0)
	}
	var values [parts][]byte
	values[partKey] = l.Record.Key
	names := partNames()
	for _, h := range l.Record.Headers {
		if i := slices.Index(names[1:], h.Name); i >= 0 {
			values[i+1] = h.Value
		}
	}
	dst = binary.AppendUvarint(dst, x.topic(l.Record.Topic))
	for part, value := range values {
		if value == nil {
			dst = append(dst, 0)
			continue
		}
		at := before.find(part, l.Text, value)
		if at < 0 {
			return append(dst[:start], 0)
		}
		dst = binary.AppendUvarint(dst, uint64(len(value)+1))
		dst = binary.AppendUvarint(dst, uint64(at))
	}
	return dst
}

func sameSlice(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// keep adds a run in the order of the file.
func (x *Index) keep(b *batch) {
	if x.full || x.size+len(b.entries) > x.MaxBytes {
		x.full = true
		return
	}
	x.size += len(b.entries)
	x.runs = append(x.runs, indexedRun{length: len(b.data), hash: maphash.Bytes(x.seed, b.data), lines: b.next - b.first, entries: bytes.Clone(b.entries)})
}

// recall fills l from its entry and gives the entries behind it; false has the
// line checked again.
func (x *Index) recall(entries []byte, l *Line, contentType []byte) ([]byte, bool) {
	number := func() uint64 {
		n, size := binary.Uvarint(entries)
		entries = entries[size:]
		return n
	}
	topic := number()
	if topic == 0 {
		return entries, false
	}
	r := &l.Record
	r.Topic, r.Value, r.Headers = x.topics[topic-1], l.Text, r.Headers[:0]
	names := partNames()
	for part, name := range names {
		length := number()
		if length == 0 {
			continue
		}
		at := number()
		value := l.Text[at : at+length-1 : at+length-1]
		if part == partKey {
			r.Key = value
		} else {
			r.Headers = append(r.Headers, Header{name, value})
		}
	}
	r.Headers = append(r.Headers, Header{HeaderContentType, contentType})
	return entries, true
}

// RecallLines is CheckLines for a file that x was filled from, by this
// Validator and with these options: what is sent is what was checked, and lines
// that x knows are not checked again. It reads as far as that file went. The
// error is [ErrChanged] when r has other bytes.
func (v *Validator) RecallLines(ctx context.Context, r io.Reader, x *Index, o LineOptions, each func([]Line) error) error {
	o.Index = nil
	return v.lines(ctx, r, x, o, each)
}

// reread gives the batches that the index has.
func (p *pipeline) reread(ctx context.Context, in io.Reader) (next int64, ok bool) {
	next = 1
	for i := range p.known.runs {
		run := &p.known.runs[i]
		b := p.batch()
		b.first, b.run = next, run
		next += run.lines
		b.next = next
		b.data = slices.Grow(b.data, run.length)[:run.length]
		if _, err := io.ReadFull(in, b.data); err != nil {
			if p.err = err; errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				p.err = ErrChanged
			}
			return next, false
		}
		if maphash.Bytes(p.known.seed, b.data) != run.hash {
			p.err = ErrChanged
			return next, false
		}
		if !p.hand(ctx, b) {
			return next, false
		}
	}
	return next, true
}
