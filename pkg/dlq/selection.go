package dlq

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OffsetRange is offsets of a partition, First and Last among them.
type OffsetRange struct {
	First, Last int64
}

// Selection says which letters are meant. Every condition that is set must
// hold; of a condition with several values one must. The zero value selects
// all.
type Selection struct {
	Partitions []int32
	Offsets    []OffsetRange
	// Since and Until bound when a letter was stored: at or after the one,
	// before the other.
	Since, Until time.Time
	// Keys are globs over the whole key; a letter without a key has none that matches.
	Keys []string
	// Headers are NAME=GLOB, or NAME for any value, null too.
	Headers []string
	// Classes are names of error classes, of the root cause or as caught: whole,
	// without what stands before the last dot, or as a glob.
	Classes []string
	// Failures are fingerprints of failures, or how they begin.
	Failures []string
	// Groups are the consumer groups that failed.
	Groups []string
	// JQ is a jq expression over the JSON value that must give something other
	// than false and null. A value that is no JSON is not selected.
	JQ string
	// Limit is how many letters are taken at most; 0 is no limit.
	Limit int64
}

// Any tells whether the selection leaves anything out.
func (s *Selection) Any() bool {
	return len(s.Partitions)+len(s.Offsets)+len(s.Keys)+len(s.Headers)+len(s.Classes)+len(s.Failures)+len(s.Groups) > 0 ||
		!s.Since.IsZero() || !s.Until.IsZero() || s.JQ != "" || s.Limit > 0
}

// ParseOffsets reads offsets such as 7, 10-20 or 100-, several with commas.
func ParseOffsets(text string) ([]OffsetRange, error) {
	var list []OffsetRange
	for item := range strings.SplitSeq(text, ",") {
		first, last, span := strings.Cut(strings.TrimSpace(item), "-")
		r := OffsetRange{}
		var err error
		if r.First, err = parseOffset(first); err == nil {
			switch {
			case !span:
				r.Last = r.First
			case last == "":
				r.Last = maxOffset
			default:
				r.Last, err = parseOffset(last)
			}
		}
		if err != nil || r.Last < r.First {
			return nil, errorf(ErrInvalid, "offsets %q: %q: want an offset or a range such as 7, 10-20 or 100-", text, item)
		}
		list = append(list, r)
	}
	return list, nil
}

func parseOffset(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

// ParseLetter reads the name of one letter, its partition and offset as 3@1204.
func ParseLetter(text string) (partition int32, offset int64, err error) {
	p, o, ok := strings.Cut(text, "@")
	n, errP := strconv.ParseUint(p, 10, 31)
	offset, errO := parseOffset(o)
	if !ok || errP != nil || errO != nil {
		return 0, 0, errorf(ErrInvalid, "%q: want a letter as PARTITION@OFFSET, such as 3@1204", text)
	}
	return int32(n), offset, nil
}

// Check finds what is wrong with a selection on any cluster; it is [ErrInvalid].
func (s *Selection) Check() error {
	_, err := s.matcher()
	return err
}

// Normalised is the selection in words, for the ledger: in a fixed order, and
// without values of keys, headers or programs, which are records' content.
// Those are told apart by a hash.
func (s *Selection) Normalised() string {
	var words []string
	add := func(name string, values ...string) {
		if len(values) > 0 {
			values = slices.Clone(values)
			slices.Sort(values)
			words = append(words, name+"="+strings.Join(slices.Compact(values), ","))
		}
	}
	var parts, offsets []string
	for _, p := range s.Partitions {
		parts = append(parts, strconv.Itoa(int(p)))
	}
	for _, r := range s.Offsets {
		offsets = append(offsets, r.String())
	}
	add("partition", parts...)
	add("offset", offsets...)
	if !s.Since.IsZero() {
		add("since", s.Since.UTC().Format(time.RFC3339))
	}
	if !s.Until.IsZero() {
		add("until", s.Until.UTC().Format(time.RFC3339))
	}
	if len(s.Keys) > 0 {
		add("key", hashOf(s.Keys...))
	}
	var headers []string
	for _, h := range s.Headers {
		name, value, both := strings.Cut(h, "=")
		if both {
			name += ":" + hashOf(value)
		}
		headers = append(headers, name)
	}
	add("header", headers...)
	add("error-class", s.Classes...)
	add("failure", s.Failures...)
	add("group", s.Groups...)
	if s.JQ != "" {
		add("jq-select", hashOf(s.JQ))
	}
	if s.Limit > 0 {
		add("limit", strconv.FormatInt(s.Limit, 10))
	}
	return strings.Join(words, " ")
}

// String is the range as ParseOffsets reads it.
func (r OffsetRange) String() string {
	switch {
	case r.Last == r.First:
		return strconv.FormatInt(r.First, 10)
	case r.Last >= maxOffset:
		return strconv.FormatInt(r.First, 10) + "-"
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

func hashOf(values ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(values, "\x00")))
	return "sha256-" + hex.EncodeToString(sum[:6])
}

// isFailure tells what may be the beginning of a fingerprint.
func isFailure(text string) bool {
	if len(text) < 4 || len(text) > 8 {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// glob matches a whole text, slashes like any other character.
type glob struct {
	pattern string
	plain   bool
}

func newGlob(pattern string) (glob, error) {
	g := glob{pattern: strings.ReplaceAll(pattern, "/", "\x00"), plain: !isGlob(pattern)}
	if _, err := path.Match(g.pattern, ""); err != nil {
		return g, errorf(ErrInvalid, "%q: %v", pattern, err)
	}
	return g, nil
}

func (g glob) match(text string) bool {
	if g.plain {
		return g.pattern == strings.ReplaceAll(text, "/", "\x00")
	}
	ok, err := path.Match(g.pattern, strings.ReplaceAll(text, "/", "\x00"))
	return ok && err == nil
}
