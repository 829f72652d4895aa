// Package pattern picks things of a cluster by names and globs.
package pattern

import (
	"fmt"
	"path"
	"strings"
)

// Check reports the first malformed glob.
func Check(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("malformed pattern %q", p)
		}
	}
	return nil
}

// Choose gives those of all, in their order, whose name one of the patterns
// matches as a whole, and the patterns that matched none; no pattern chooses
// all. A pattern counts as a name before it counts as a glob, whose star matches
// slashes too. A malformed glob, see [Check], is a name only.
func Choose[T any](all []T, name func(T) string, patterns []string) (chosen []T, missed []string) {
	if len(patterns) == 0 {
		return all, nil
	}
	hit := make([]bool, len(patterns))
	for _, each := range all {
		wanted := false
		for i, p := range patterns {
			if matches(p, name(each)) {
				hit[i], wanted = true, true
			}
		}
		if wanted {
			chosen = append(chosen, each)
		}
	}
	for i, p := range patterns {
		if !hit[i] {
			missed = append(missed, p)
		}
	}
	return chosen, missed
}

func matches(pattern, name string) bool {
	if pattern == name {
		return true
	}
	// The standard library's star stops at slashes, which ids and groups may have.
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil
}
