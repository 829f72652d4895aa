package events

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns up to three known types that name may stand for: those a few
// letters away, and those with the same words in another order or in part.
func (c *Catalogue) nearest(name string) []string {
	if len(name) > maxID {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var list []candidate
	lower := strings.ToLower(name)
	for _, t := range c.types {
		d := distance(lower, t.Name)
		_, event, _ := strings.Cut(t.Name, ".")
		if _, wanted, ok := strings.Cut(lower, "."); lower != "" && (event == lower || ok && event == wanted) {
			d = min(d, 2)
		}
		if d <= max(2, len(t.Name)/3) {
			list = append(list, candidate{t.Name, d})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range list[:min(len(list), 3)] {
		names = append(names, c.name)
	}
	return names
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
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
