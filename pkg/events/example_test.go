package events_test

import (
	"bytes"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func TestExamplesAreValidAndReproducible(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, typ := range c.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for seed := range uint64(50) {
				e, err := c.Example(typ.Name, seed)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				again, err := catalogue(t).Example(typ.Name, seed)
				if err != nil || !bytes.Equal(e.Encode(), again.Encode()) {
					t.Fatalf("seed %d gives two events:\n%s\n%s", seed, e.Encode(), again.Encode())
				}
				r, err := c.Record(e)
				if err != nil || r.Topic != typ.Topic || len(r.Key) == 0 {
					t.Fatalf("seed %d: %v: goes to %s, key %s", seed, err, r.Topic, r.Key)
				}
				seen[string(e.Data)] = true
			}
			if len(seen) < 45 {
				t.Errorf("50 seeds give %d different payloads", len(seen))
			}
		})
	}
}

func TestExampleOfUnknownType(t *testing.T) {
	t.Parallel()
	_, err := catalogue(t).Example("tenant.craeted", 1)
	want := `unknown event type "tenant.craeted": did you mean tenant.created, tenant.deleted, tenant.updated?`
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

func BenchmarkRecord(b *testing.B) {
	c, err := events.NewCatalogue()
	if err != nil {
		b.Fatal(err)
	}
	var lines [][]byte
	for _, typ := range c.Types() {
		for seed := range uint64(8) {
			e, err := c.Example(typ.Name, seed)
			if err != nil {
				b.Fatal(err)
			}
			lines = append(lines, e.Encode())
		}
	}
	v := c.Validator(events.ValidatorOptions{})
	var r events.Record
	size := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := v.Record(lines[i%len(lines)], &r); err != nil {
			b.Fatal(err)
		}
		size += len(r.Value)
	}
	b.SetBytes(int64(size / b.N))
}
