package realkafka

import (
	"crypto/rand"
	"strings"
	"testing"
)

// Name returns a name for a topic or group that no other test uses: the test's
// own name, made legal, and something random.
func Name(t testing.TB) string {
	legal := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, t.Name())
	return strings.ToLower(legal[:min(len(legal), 100)]) + "-" + strings.ToLower(rand.Text()[:8])
}
