package dlq

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
)

// span is the offsets from first to last, both included.
type span struct{ first, last int64 }

func (s span) count() int64 { return s.last - s.first + 1 }

// maxOffset bounds offsets in the ledger, so that sums of them cannot overflow.
const maxOffset = math.MaxInt64 / 4

// errRanges is a list of ranges that no release of ours wrote.
var errRanges = errors.New("malformed ranges")

// encodeSpans writes spans, which ascend and do not touch, as base64 of
// varints (LEB128): for each the gap to the one before, and its length less
// one. 5,000 letters without a gap take two bytes, with gaps about two each.
func encodeSpans(spans []span) string {
	buf := make([]byte, 0, 4*len(spans))
	next := int64(0)
	for _, s := range spans {
		buf = binary.AppendUvarint(buf, uint64(s.first-next))
		buf = binary.AppendUvarint(buf, uint64(s.last-s.first))
		next = s.last + 1
	}
	return base64.RawStdEncoding.EncodeToString(buf)
}

// decodeSpans reads what encodeSpans wrote.
func decodeSpans(text string) ([]span, error) {
	buf, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errRanges
	}
	spans := make([]span, 0, len(buf)/2)
	next := int64(0)
	for len(buf) > 0 {
		gap, n := binary.Uvarint(buf)
		if n <= 0 || gap > maxOffset || gap == 0 && len(spans) > 0 {
			return nil, errRanges
		}
		buf = buf[n:]
		more, n := binary.Uvarint(buf)
		if n <= 0 || more > maxOffset {
			return nil, errRanges
		}
		buf = buf[n:]
		s := span{first: next + int64(gap)}
		s.last = s.first + int64(more)
		if s.last > maxOffset {
			return nil, errRanges
		}
		spans = append(spans, s)
		next = s.last + 1
	}
	return spans, nil
}

// spansOf makes spans of offsets that ascend without repeating.
func spansOf(offsets []int64) []span {
	var spans []span
	for _, o := range offsets {
		if n := len(spans); n > 0 && spans[n-1].last+1 == o {
			spans[n-1].last = o
		} else {
			spans = append(spans, span{o, o})
		}
	}
	return spans
}

// place is where a letter went.
type place struct {
	partition int32
	offset    int64 // -1 unknown
}

// encodePlaces writes where letters went, in the order of the letters: the
// partition, and the offset's distance from the one before as a signed varint.
func encodePlaces(places []place) string {
	buf := make([]byte, 0, 4*len(places))
	last := int64(0)
	for _, p := range places {
		buf = binary.AppendUvarint(buf, uint64(uint32(p.partition)))
		buf = binary.AppendVarint(buf, p.offset-last)
		last = p.offset
	}
	return base64.RawStdEncoding.EncodeToString(buf)
}

// decodePlaces reads what encodePlaces wrote.
func decodePlaces(text string) ([]place, error) {
	buf, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errRanges
	}
	places := make([]place, 0, len(buf)/2)
	last := int64(0)
	for len(buf) > 0 {
		partition, n := binary.Uvarint(buf)
		if n <= 0 || partition > math.MaxInt32 {
			return nil, errRanges
		}
		buf = buf[n:]
		step, n := binary.Varint(buf)
		if n <= 0 || step > maxOffset || step < -maxOffset {
			return nil, errRanges
		}
		buf = buf[n:]
		last += step
		if last < -1 || last > maxOffset {
			return nil, errRanges
		}
		places = append(places, place{int32(partition), last})
	}
	return places, nil
}
