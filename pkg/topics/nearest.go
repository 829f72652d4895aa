package topics

import (
	"cmp"
	"slices"
)

// Nearest gives up to three of the candidates that a person may have meant by
// name, the likeliest first, and none when nothing is near.
func Nearest(name string, candidates []string) []string {
	if len(name) > 2*MaxNameLength {
		return nil
	}
	type scored struct {
		name     string
		distance int
	}
	most := max(2, len(name)/4)
	var near []scored
	for _, c := range candidates {
		if d := editDistance(name, c); d <= most && c != name {
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

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours that lead from a to b.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
