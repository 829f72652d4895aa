package events_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A service in TypeScript, compiled strictly against the exported contract,
// reads our events from a real broker with kafkajs.
func TestNodeServiceReadsEvents(t *testing.T) {
	dir, modules := workspace(t)
	if err := os.WriteFile(filepath.Join(dir, "events.ts"), exported(t, export.TypeScript), 0o644); err != nil {
		t.Fatal(err)
	}
	// The compiler finds packages beside the source, not by NODE_PATH.
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	node(t, modules, nil, filepath.Join(modules, "typescript", "bin", "tsc"), "--strict", "--skipLibCheck", "--types", "node",
		"--typeRoots", filepath.Join(modules, "@types"), "--target", "es2022", "--module", "commonjs", filepath.Join(dir, "consumer.ts"))

	conn := realkafka.Start(t, realkafka.Options{}).Conn(realkafka.Plaintext)
	peers.CreateTopic(t, conn, "tenant.events", 1, 1)
	records, want := tenantEvents(t)
	peers.KafkaJSProduce(t, conn, "tenant.events", records)
	out := node(t, modules, nil, filepath.Join(dir, "consumer.js"), conn.Bootstrap, "node-service-tenant-consumer", fmt.Sprint(len(records)))
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(got, want) {
		t.Errorf("the service prints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// tenantEvents gives an example of every tenant event, and what the service
// says of each.
func tenantEvents(t *testing.T) (records []peers.Record, want []string) {
	t.Helper()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range c.Types() {
		if typ.Topic != "tenant.events" {
			continue
		}
		e, err := c.Example(typ.Name, 7)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, peers.Record{Key: []byte("tenant"), Value: e.Encode()})
		var data struct {
			ID, Name, Reason string
			InitialModules   []string
		}
		if err := e.Decode(&data); err != nil {
			t.Fatal(err)
		}
		switch typ.Name {
		case "tenant.created":
			want = append(want, fmt.Sprintf("%s %s %d", typ.Name, data.Name, len(data.InitialModules)))
		case "tenant.suspended":
			want = append(want, typ.Name+" "+data.Reason)
		default:
			want = append(want, typ.Name+" "+data.ID)
		}
	}
	return records, want
}
