package containers_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/registry/registrytest"
)

// TestRegistryConformance holds the stack's registry, Apicurio on Kafka, to the
// same suite as the embedded one, and our verdicts on changes to its. The restart
// is that of its container.
func TestRegistryConformance(t *testing.T) {
	s := newStack(t)
	s.up(t, "kafka", "schema-registry")
	registrytest.Run(t, registrytest.Target{
		URL: s.registry, Features: registrytest.Apicurio(),
		Restart: func(t *testing.T) string {
			s.compose(t, "restart", "schema-registry")
			s.up(t, "kafka", "schema-registry")
			return s.registry
		},
	})
	t.Run("verdicts", func(t *testing.T) { agreesWithApicurio(t, s.registry) })
}
