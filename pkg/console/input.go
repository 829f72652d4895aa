package console

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// inputStatus is what a recordReader found.
type inputStatus int

const (
	recordReady   inputStatus = iota // a record is there
	recordStarved                    // feed the next block
	recordBad                        // a record that cannot be read; the next one can
	recordsEnd                       // there are no more, whatever is fed
)

// recordReader cuts an input into records.
type recordReader interface {
	// feed gives the next block of the source, once next is starved. A block
	// with end set is the source's last; another source may follow.
	feed(data []byte, end bool)
	// next decodes a record into rec. The error explains recordBad, and makes
	// recordsEnd a failure.
	next(rec *inRecord) (inputStatus, error)
	// place names the record that next returned or refused: its line or number
	// in its source.
	place() Place
	// text is what next could not read, and whether that is all of it.
	text() (text []byte, whole bool)
}

// Place is where a record stood in the input.
type Place struct {
	Source string // the file's name, empty for standard input
	Unit   string // "line", or "record" in formats that know no lines
	N      int64  // from 1
}

func (p Place) String() string {
	if p.Source == "" {
		return fmt.Sprintf("%s %d", p.Unit, p.N)
	}
	return fmt.Sprintf("%s: %s %d", p.Source, p.Unit, p.N)
}

// lineRecords makes a record of each line.
type lineRecords struct {
	lines     *lineReader
	decode    func(line []byte, rec *inRecord) error
	skipBlank bool
	bound     int // of a record, for the message about a long line
	last      []byte
	whole     bool
}

func (l *lineRecords) feed(data []byte, end bool) { l.lines.feed(data, end) }

func (l *lineRecords) next(rec *inRecord) (inputStatus, error) {
	for {
		line, status := l.lines.next()
		l.last, l.whole = line, status == lineReady
		switch {
		case status == lineStarved:
			return recordStarved, nil
		case status == lineTooLong:
			return recordBad, fmt.Errorf("longer than %d bytes, the most the topic takes in one record (max.message.bytes)", l.bound)
		case l.skipBlank && len(bytes.TrimSpace(line)) == 0:
			continue
		}
		if err := l.decode(line, rec); err != nil {
			return recordBad, err
		}
		return recordReady, nil
	}
}

func (l *lineRecords) place() Place { return Place{Unit: "line", N: l.lines.line} }

func (l *lineRecords) text() ([]byte, bool) { return l.last, l.whole }

// rawDecoder makes a line a value, or a key and a value.
type rawDecoder struct {
	keySep []byte // nil: no key in the line
	hex    bool   // key and value are hexadecimal digits
	buf    []byte
}

func (d *rawDecoder) decode(line []byte, rec *inRecord) error {
	rec.reset()
	rec.value = line
	if d.keySep != nil {
		key, value, ok := bytes.Cut(line, d.keySep)
		if !ok {
			return fmt.Errorf("no key separator %q", d.keySep)
		}
		// Cut leaves nil where it should leave an empty rest.
		rec.key, rec.value = notNil(key), notNil(value)
	}
	if rec.value == nil {
		rec.value = []byte{}
	}
	if !d.hex {
		return nil
	}
	d.buf = d.buf[:0]
	var err error
	if rec.key, err = d.unhex(rec.key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if rec.value, err = d.unhex(rec.value); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}

func (d *rawDecoder) unhex(text []byte) ([]byte, error) {
	if text == nil {
		return nil, nil
	}
	start := len(d.buf)
	grown, err := hex.AppendDecode(d.buf, text)
	if err != nil {
		return nil, fmt.Errorf("invalid hexadecimal: %w", err)
	}
	d.buf = grown
	return notNil(grown[start:len(grown):len(grown)]), nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
