package topics

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrBadPattern is a glob that cannot be read, such as one with an open bracket.
var ErrBadPattern = errors.New("malformed pattern")

// IsPattern tells a glob from a plain name.
func IsPattern(s string) bool { return strings.ContainsAny(s, `*?[\`) }

// Match tells whether the glob matches the whole name: * is any run of
// characters, ? any one, [a-z] and [^a-z] one of or none of a set. The error is
// [ErrBadPattern].
func Match(pattern, name string) (bool, error) {
	// The standard library's glob stops * at a slash, which no name has.
	ok, err := path.Match(pattern, name)
	if err != nil {
		return false, fmt.Errorf("%w %q", ErrBadPattern, clip(pattern))
	}
	return ok, nil
}

// CheckPatterns reports the first of the patterns that is malformed, and the
// first plain name that no topic can have.
func CheckPatterns(patterns []string) error {
	for _, p := range patterns {
		if !IsPattern(p) {
			if err := CheckName(p); err != nil {
				return err
			}
			continue
		}
		if _, err := Match(p, ""); err != nil {
			return err
		}
	}
	return nil
}

// matcher sorts names by patterns and keeps which patterns found something.
type matcher struct {
	patterns []string
	hit      []bool
	internal bool
	spare    []string // what no glob selects
	spared   []string // those of them that a glob would have
}

func newMatcher(patterns []string, internal bool) (*matcher, error) {
	if err := CheckPatterns(patterns); err != nil {
		return nil, err
	}
	return &matcher{patterns: patterns, hit: make([]bool, len(patterns)), internal: internal}, nil
}

// wants tells whether a topic is selected. Internal topics are selected by
// their exact name, by patterns only when asked for.
func (m *matcher) wants(name string, internal bool) bool {
	if len(m.patterns) == 0 {
		return !internal || m.internal
	}
	found := false
	var spared []int
	for i, p := range m.patterns {
		if p != name {
			if !IsPattern(p) || internal && !m.internal {
				continue
			}
			// The pattern was checked when the matcher was made.
			if ok, err := path.Match(p, name); err != nil || !ok {
				continue
			}
			if slices.Contains(m.spare, name) {
				spared = append(spared, i)
				continue
			}
		}
		m.hit[i], found = true, true
	}
	switch {
	case len(spared) == 0:
	case found:
		for _, i := range spared {
			m.hit[i] = true
		}
	default:
		m.spared = append(m.spared, name)
	}
	return found
}

// missed lists the patterns that selected nothing.
func (m *matcher) missed() []string {
	var list []string
	for i, p := range m.patterns {
		if !m.hit[i] {
			list = append(list, p)
		}
	}
	return list
}

// names gives the plain names to ask the cluster about, nil for all topics.
func (m *matcher) names() []string {
	if len(m.patterns) == 0 {
		return nil
	}
	for _, p := range m.patterns {
		if IsPattern(p) {
			return nil
		}
	}
	return m.patterns
}
