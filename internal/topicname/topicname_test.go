package topicname_test

import (
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/topicname"
)

func TestValid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"orders": true, "A-z_0.9": true, "...": true, strings.Repeat("a", topicname.MaxLength): true,
		"": false, ".": false, "..": false, strings.Repeat("a", topicname.MaxLength+1): false,
		"a b": false, "a/b": false, "größe": false, "a\x00": false, "a\xff": false,
	} {
		if got := topicname.Valid(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
