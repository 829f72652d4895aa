package spelling_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0},
		{"orders", "order", 1}, {"orders", "oders", 1}, {"orders", "ordera", 1}, // drop, drop, change
		{"orders", "rodres", 2}, {"ab", "ba", 1}, {"abcd", "badc", 2}, // swaps
		{"ca", "abc", 3}, // nothing may be changed twice
	} {
		if got := spelling.Distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := spelling.Distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"orders", "orders.dlq", "order", "invoices", "zzz"}
	for name, want := range map[string][]string{
		"ordrs":                   {"orders", "order"}, // both a step away
		"ordersdlq":               {"orders.dlq"},
		"invoice":                 {"invoices"},
		"nothing like it":         nil,
		"orders":                  {"order"}, // not itself
		strings.Repeat("z", 5000): nil,
	} {
		if got := spelling.Nearest(name, known); !slices.Equal(got, want) {
			t.Errorf("%.20q: %q, want %q", name, got, want)
		}
	}
}
