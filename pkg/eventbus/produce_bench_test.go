package eventbus

import (
	"fmt"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// What an event costs before it is sent.
func BenchmarkPrepare(b *testing.B) {
	catalogue, err := events.NewCatalogue()
	if err != nil {
		b.Fatal(err)
	}
	bus := &Bus{catalogue: catalogue}
	bus.contracts.known = catalogue.Validator(events.ValidatorOptions{})
	m := Message{}
	for i := range 2 {
		if m.Event, err = events.New("tenant.activated", "tenant-service", map[string]string{"id": fmt.Sprintf("tenant-%d", i), "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{TenantID: "tenant-1"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bus.prepare(b.Context(), "tenant.events", &m); err != nil {
			b.Fatal(err)
		}
	}
}
