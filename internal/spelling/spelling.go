// Package spelling finds what was meant by a name that nothing has.
package spelling

import (
	"cmp"
	"slices"
)

// maxLength is the longest name that is looked at, in bytes: time grows with its
// square.
const maxLength = 512

// Nearest gives up to three of the candidates that a person may have meant by
// name, the likeliest first, and none when nothing is near.
func Nearest(name string, candidates []string) []string {
	if len(name) > maxLength {
		return nil
	}
	type scored struct {
		name     string
		distance int
	}
	most := max(2, len(name)/4)
	var near []scored
	for _, c := range candidates {
		if d := Distance(name, c); d <= most && c != name {
			near = append(near, scored{c, d})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return cmp.Compare(a.distance, b.distance) })
	names := make([]string, 0, 3)
	for _, s := range near {
		// One that is much nearer than the rest is what was meant.
		if len(names) == 3 || s.distance > near[0].distance+1 {
			break
		}
		names = append(names, s.name)
	}
	return names
}

// Distance counts the bytes to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
