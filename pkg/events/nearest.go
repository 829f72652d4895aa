package events

import (
	"cmp"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
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
		d := spelling.Distance(lower, t.Name)
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
