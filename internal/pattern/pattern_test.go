package pattern_test

import (
	"slices"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/pattern"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []string{"a", "a/b", "a[", "b"}
	for _, c := range []struct{ patterns, chosen, missed []string }{
		{nil, all, nil},
		{[]string{"a"}, []string{"a"}, nil},
		{[]string{"a*"}, []string{"a", "a/b", "a["}, nil},
		{[]string{"a*b", "c", "?"}, []string{"a", "a/b", "b"}, []string{"c"}},
		{[]string{"a["}, []string{"a["}, nil},
		{[]string{"*", "a"}, all, nil},
	} {
		chosen, missed := pattern.Choose(all, func(s string) string { return s }, c.patterns)
		if !slices.Equal(chosen, c.chosen) || !slices.Equal(missed, c.missed) {
			t.Errorf("%q: %q and without %q, want %q and %q", c.patterns, chosen, missed, c.chosen, c.missed)
		}
	}
	if err := pattern.Check([]string{"a*", "a["}); err == nil || err.Error() != `malformed pattern "a["` {
		t.Errorf("a malformed glob: %v", err)
	}
}
