package dlq

import (
	"context"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// A Matcher tells which letters a [Selection] means, but for its limit, which
// is whoever counts the letters. It is for one goroutine at a time.
type Matcher struct {
	sel     Selection
	keys    []glob
	headers []headerGlob
	classes []glob
	jq      *jqCondition
	buf     []byte
}

type headerGlob struct {
	name  string
	value glob
	any   bool
}

// Matcher checks the selection and returns what matches it; a wrong one is
// [ErrInvalid].
func (s *Selection) Matcher() (*Matcher, error) { return s.matcher() }

func (s *Selection) matcher() (*Matcher, error) {
	m := &Matcher{sel: *s}
	if s.Limit < 0 {
		return nil, errorf(ErrInvalid, "limit %d: want a number above 0", s.Limit)
	}
	if !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return nil, errorf(ErrInvalid, "since comes after until")
	}
	for _, f := range s.Failures {
		if !isFailure(f) {
			return nil, errorf(ErrInvalid, "failure %q: want 8 hexadecimal digits, or the first 4 or more of them", f)
		}
	}
	for _, text := range s.Keys {
		g, err := newGlob(text)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, g)
	}
	for _, text := range s.Classes {
		g, err := newGlob(text)
		if err != nil {
			return nil, err
		}
		m.classes = append(m.classes, g)
	}
	for _, text := range s.Headers {
		name, value, both := strings.Cut(text, "=")
		if name == "" {
			return nil, errorf(ErrInvalid, "header %q: want NAME=VALUE, or NAME for any value", text)
		}
		g, err := newGlob(value)
		if err != nil {
			return nil, err
		}
		m.headers = append(m.headers, headerGlob{name, g, !both})
	}
	if s.JQ == "" {
		return m, nil
	}
	jq, err := newJQCondition(s.JQ)
	m.jq = jq
	return m, err
}

// Match tells whether the letter is meant. What costs least is asked first. The
// context bounds a jq expression that does not end.
func (m *Matcher) Match(ctx context.Context, r *kafka.Record, l *Letter) bool {
	s := &m.sel
	switch {
	case len(s.Partitions) > 0 && !slices.Contains(s.Partitions, r.Partition):
	case len(s.Offsets) > 0 && !slices.ContainsFunc(s.Offsets, func(o OffsetRange) bool { return o.First <= r.Offset && r.Offset <= o.Last }):
	case !s.Since.IsZero() && r.Timestamp.Before(s.Since):
	case !s.Until.IsZero() && !r.Timestamp.Before(s.Until):
	case len(s.Groups) > 0 && !slices.Contains(s.Groups, l.Group):
	case len(m.keys) > 0 && !m.matchKey(r.Key):
	case !m.matchHeaders(r.Headers):
	case len(m.classes) > 0 && !m.matchClass(l):
	case len(s.Failures) > 0 && !m.matchFailure(l):
	default:
		return m.jq == nil || m.jq.match(ctx, r.Value)
	}
	return false
}

func (m *Matcher) matchKey(key []byte) bool {
	return key != nil && slices.ContainsFunc(m.keys, func(g glob) bool { return g.match(string(key)) })
}

// matchHeaders wants every condition to find a header.
func (m *Matcher) matchHeaders(headers []kafka.Header) bool {
	for _, want := range m.headers {
		if !slices.ContainsFunc(headers, func(h kafka.Header) bool {
			if h.Name != want.name {
				return false
			}
			shown, _ := letters.HeaderText(h)
			return want.any || h.Value != nil && want.value.match(shown)
		}) {
			return false
		}
	}
	return true
}

func (m *Matcher) matchClass(l *Letter) bool {
	for _, class := range []string{l.RootClass(), l.Class, l.Cause} {
		short := class[strings.LastIndexByte(class, '.')+1:]
		if class != "" && slices.ContainsFunc(m.classes, func(g glob) bool { return g.match(class) || g.match(short) }) {
			return true
		}
	}
	return false
}

func (m *Matcher) matchFailure(l *Letter) bool {
	m.buf = l.AppendFailure(m.buf[:0])
	id := letters.FingerprintOf(m.buf)
	return slices.ContainsFunc(m.sel.Failures, func(f string) bool { return strings.HasPrefix(id, f) })
}

// narrow leaves of the stretches what the selection's partitions and offsets
// can be in, so that nothing else is read.
func (s *Selection) narrow(parts []stretch) []stretch {
	var left []stretch
	for _, p := range parts {
		if len(s.Partitions) > 0 && !slices.Contains(s.Partitions, p.partition) {
			continue
		}
		if len(s.Offsets) > 0 {
			low, high := s.Offsets[0].First, s.Offsets[0].Last
			for _, o := range s.Offsets {
				low, high = min(low, o.First), max(high, o.Last)
			}
			p.start, p.end = max(p.start, low), min(p.end, high+1)
		}
		if p.start < p.end {
			left = append(left, p)
		}
	}
	return left
}
