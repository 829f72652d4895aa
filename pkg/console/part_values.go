package console

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/itchyny/timefmt-go"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// text reads a topic, key or value, up to until where nothing tells its length.
func (d *partDecoder) text(p Part, until []byte) ([]byte, error) {
	var raw []byte
	var err error
	switch size := d.counts[p.Field]; {
	case size.set && size.n < 0:
		return nil, nil
	case size.set:
		raw, err = d.take(int(size.n))
	case p.Text == JSONText:
		return d.json()
	case p.Text == Regexp:
		return d.match(d.regexps[p.Pattern].FindIndex(d.at))
	default:
		raw, err = d.upTo(until)
	}
	if err != nil {
		return nil, err
	}
	start := len(d.buf)
	switch p.Text {
	case HexText:
		d.buf, err = hex.AppendDecode(d.buf, raw)
	case Base64:
		d.buf, err = base64.StdEncoding.Strict().AppendDecode(d.buf, raw)
	case Base64Raw:
		d.buf, err = base64.RawStdEncoding.Strict().AppendDecode(d.buf, raw)
	default:
		return notNil(raw), nil
	}
	if err != nil {
		d.buf = d.buf[:start]
		return nil, fmt.Errorf("%.60q: %w", raw, err)
	}
	return notNil(d.buf[start:len(d.buf):len(d.buf)]), nil
}

// take reads n bytes.
func (d *partDecoder) take(n int) ([]byte, error) {
	if n > len(d.at) {
		return nil, errShort
	}
	raw := d.at[:n:n]
	d.at = d.at[n:]
	return raw, nil
}

// upTo reads the bytes before until, or all where the record ends with them.
func (d *partDecoder) upTo(until []byte) ([]byte, error) {
	if until == nil {
		if !d.end {
			return nil, errShort
		}
		return d.take(len(d.at))
	}
	i := bytes.Index(d.at, until)
	if i < 0 {
		if d.end {
			return nil, fmt.Errorf("no %q follows it", until)
		}
		return nil, errShort
	}
	return d.take(i)
}

// json reads one JSON value as it stands.
func (d *partDecoder) json() ([]byte, error) {
	var s strictjson.Scanner
	s.Reset(d.at)
	value, err := s.Value()
	if s.Pos() == len(d.at) && !d.end {
		// A value that ends with the window may go on: 12 of 123.
		return nil, errShort
	}
	if err != nil {
		return nil, err
	}
	d.at = d.at[s.Pos():]
	return value, nil
}

func (d *partDecoder) match(at []int) ([]byte, error) {
	if at == nil {
		if !d.end {
			return nil, errShort
		}
		return nil, errors.New("the expression does not match")
	}
	if at[1] == len(d.at) && !d.end {
		return nil, errShort
	}
	raw, err := d.take(at[1])
	return notNil(raw), err
}

// number reads a length, a count, an id or milliseconds.
func (d *partDecoder) number(p Part) (int64, error) {
	switch p.Number {
	case Exact:
		return int64(p.Width), nil
	case Big, Little:
		raw, err := d.take(p.Width)
		if err != nil {
			return 0, err
		}
		return fixed(raw, p.Number == Little), nil
	case HexNum:
		raw, err := d.take(p.Width)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseUint(string(raw), 16, 64)
		if err != nil {
			return 0, fmt.Errorf("%q: want %d hexadecimal digits", raw, p.Width)
		}
		return signed(n, p.Width*4), nil
	case Bool:
		for n, word := range []string{"false", "true"} {
			if bytes.HasPrefix(d.at, []byte(word)) {
				d.at = d.at[len(word):]
				return int64(n), nil
			}
		}
		if len(d.at) < len("false") && !d.end {
			return 0, errShort
		}
		return 0, errors.New("want true or false")
	}
	return d.decimal()
}

// decimal reads digits, with a minus sign before them perhaps.
func (d *partDecoder) decimal() (int64, error) {
	i := 0
	if len(d.at) > 0 && d.at[0] == '-' {
		i++
	}
	for i < len(d.at) && d.at[i] >= '0' && d.at[i] <= '9' && i < 24 {
		i++
	}
	if i == len(d.at) && !d.end {
		return 0, errShort
	}
	raw, err := d.take(i)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: want a number", raw)
	}
	return n, nil
}

// fixed reads a number of 1, 2, 4 or 8 bytes.
func fixed(raw []byte, little bool) int64 {
	var wide [8]byte
	if little {
		copy(wide[:], raw)
		return signed(binary.LittleEndian.Uint64(wide[:]), 8*len(raw))
	}
	copy(wide[8-len(raw):], raw)
	return signed(binary.BigEndian.Uint64(wide[:]), 8*len(raw))
}

// signed takes all bits set for -1, the length of null, and no other number
// for a negative one: lengths use all of their bits.
func signed(n uint64, bits int) int64 {
	if n == 1<<bits-1 {
		return -1
	}
	return int64(n)
}

// timestamp reads milliseconds or a time in a layout, as UTC where it has no zone.
func (d *partDecoder) timestamp(p Part, until []byte) (int64, error) {
	if p.Time == Millis {
		return d.number(p)
	}
	raw, err := d.upTo(until)
	if err != nil {
		return 0, err
	}
	var t time.Time
	if p.Time == GoTime {
		t, err = time.Parse(p.Layout, string(raw))
	} else {
		t, err = timefmt.Parse(string(raw), p.Layout)
	}
	if err != nil {
		return 0, err
	}
	return t.UnixMilli(), nil
}
