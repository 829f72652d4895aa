package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Anchor is what an [Edge] counts from.
type Anchor byte

// The anchors.
const (
	Unset     Anchor = iota // no edge: follow from the end, and for ever
	FromStart               // N records' offsets after the log's start
	FromEnd                 // N before the end as it is when reading begins
	At                      // the offset N itself
	AtTime                  // the first record at or after Time
)

// Edge is one end of a [Range].
type Edge struct {
	Anchor Anchor
	N      int64
	Time   time.Time
}

// Range is the part of each partition that is read: From is read, To is not.
// The zero value follows from the end.
type Range struct {
	From, To Edge
}

// ParseRange reads the offset grammar of the --offset flag: start, end, N, +N
// (after the start), -N (before the end), @TIME, or two of them with a colon
// between, of which either may be missing: N:M, :end, @T1:T2, @-1h:end.
func ParseRange(text string, now time.Time) (Range, error) {
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		return parseTimeRange(rest, now)
	}
	left, right, two := strings.Cut(text, ":")
	if text == "" || text == ":" {
		return Range{}, fmt.Errorf("offset %q: want start, end, N, +N, -N, N:M, :end, @TIME or @T1:T2", text)
	}
	r := Range{From: Edge{Anchor: FromStart}}
	var err error
	if left != "" {
		if r.From, err = parseEdge(text, left); err != nil {
			return Range{}, err
		}
	}
	if two && right != "" {
		if r.To, err = parseEdge(text, right); err != nil {
			return Range{}, err
		}
	}
	if r.From.Anchor == r.To.Anchor && r.From.Anchor == At && r.From.N > r.To.N {
		return Range{}, fmt.Errorf("offset %q: %d comes after %d", text, r.From.N, r.To.N)
	}
	return r, nil
}

func parseEdge(whole, text string) (Edge, error) {
	switch text {
	case "start", "beginning", "earliest", "oldest":
		return Edge{Anchor: FromStart}, nil
	case "end", "latest", "newest":
		return Edge{Anchor: FromEnd}, nil
	}
	e, digits := Edge{Anchor: At}, text
	switch text[0] {
	case '+':
		e.Anchor, digits = FromStart, text[1:]
	case '-':
		e.Anchor, digits = FromEnd, text[1:]
	case '@':
		return Edge{}, fmt.Errorf("offset %q: a range has offsets or times on both sides, not one of each", whole)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !isDigits(digits) {
		return Edge{}, fmt.Errorf("offset %q: %q: want start, end, N, +N, -N, N:M, :end, @TIME or @T1:T2", whole, text)
	}
	e.N = n
	return e, nil
}

// parseTimeRange reads what follows the @. Times hold colons themselves: the
// one between two times is where both sides read as one.
func parseTimeRange(text string, now time.Time) (Range, error) {
	if t, err := ParseTime(text, now); err == nil {
		return Range{From: timeEdge(t)}, nil
	}
	for i := range len(text) {
		if text[i] != ':' {
			continue
		}
		r := Range{From: Edge{Anchor: FromStart}}
		if left := text[:i]; left != "" {
			t, err := ParseTime(left, now)
			if err != nil {
				continue
			}
			r.From = timeEdge(t)
		}
		switch right := strings.TrimPrefix(text[i+1:], "@"); right {
		case "":
		case "end":
			r.To = Edge{Anchor: FromEnd}
		default:
			t, err := ParseTime(right, now)
			if err != nil {
				continue
			}
			r.To = timeEdge(t)
		}
		if r.From.Anchor == AtTime && r.To.Anchor == AtTime && r.From.Time.After(r.To.Time) {
			return Range{}, fmt.Errorf("offset %q: the first time comes after the second", "@"+text)
		}
		return r, nil
	}
	if !strings.Contains(text, ":") {
		_, err := ParseTime(text, now)
		return Range{}, fmt.Errorf("offset %q: %w", "@"+text, err)
	}
	return Range{}, fmt.Errorf("offset %q: want @TIME or @T1:T2 with RFC 3339, a date, 10 or 13 digits, or a duration ago; T2 may be end", "@"+text)
}

func timeEdge(t time.Time) Edge { return Edge{Anchor: AtTime, Time: t} }

// ParsePartitions reads a list of partitions such as 0,2-4: sorted, each once.
func ParsePartitions(text string) ([]int32, error) {
	var list []int32
	seen := map[int32]bool{}
	for item := range strings.SplitSeq(text, ",") {
		first, last, span := strings.Cut(strings.TrimSpace(item), "-")
		if !span {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 31)
		b, errB := strconv.ParseUint(last, 10, 31)
		if errA != nil || errB != nil || !isDigits(first) || !isDigits(last) {
			return nil, fmt.Errorf("partitions %q: %q: want numbers and ranges such as 0,2-4", text, item)
		}
		if a > b {
			return nil, fmt.Errorf("partitions %q: %d comes after %d", text, a, b)
		}
		// More partitions than any cluster holds; the bound keeps a slip of
		// the finger from filling the memory.
		if b-a >= 1_000_000 {
			return nil, fmt.Errorf("partitions %q: more than 1,000,000 partitions", text)
		}
		for n := a; n <= b; n++ {
			if !seen[int32(n)] {
				seen[int32(n)] = true
				list = append(list, int32(n))
			}
		}
	}
	return list, nil
}
