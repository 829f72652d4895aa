package kafka_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// deniedChanges has Alice change offsets, groups and topics that she has too few
// rights to, on a cluster where she has all rights to the topic orders and no other.
// She is told which are missing, and nothing is changed.
func deniedChanges(t *testing.T, c *realkafka.Cluster) {
	super := c.Conn(realkafka.Plaintext)
	alice := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	properties := filepath.Join(t.TempDir(), "client.properties")
	if err := alice.WriteProperties(properties); err != nil {
		t.Fatal(err)
	}
	peers.CreateTopic(t, super, "invoices", 2, 1)
	peers.KcatProduce(t, super, "invoices", numbered(50), "-p", "0")
	peers.KcatProduce(t, super, "invoices", numbered(50), "-p", "1")
	moves(t, super, 0, "billing", "--topic", "invoices", "--to", "5", "--create", "--execute")
	grant := func(operation, kind, name string) {
		t.Helper()
		peers.Tool(t, c.Conn(realkafka.SASLPlaintext).As(realkafka.Admin(), realkafka.Plain), peers.ACLs,
			"--add", "--allow-principal", "User:alice", "--operation", operation, kind, name)
	}
	denied := func(code int, want string, args ...string) {
		t.Helper()
		var got ran
		// A new right reaches every part of the broker a moment later.
		deadline := time.Now().Add(30 * time.Second)
		for got.code != code || !strings.Contains(got.stderr, want) || got.stderr == "" {
			if time.Now().After(deadline) {
				t.Fatalf("%s: exit code %d, want %d and %q in\n%s", strings.Join(args, " "), got.code, code, want, got.stderr)
			}
			got = run(t, product.Command(t.Context(), t, append([]string{"-b", alice.Bootstrap, "--command-config", properties}, args...)...))
		}
	}
	undo := filepath.Join(t.TempDir(), "undo.json")
	reset := []string{"groups", "reset", "billing", "--to", "start", "--execute", "--undo-file", undo}
	const needs = "\nhint: it takes the right Describe on a group to see it, "

	grant("Describe", "--topic", "invoices")
	denied(1, "error: billing: no such consumer group\n", reset...)
	denied(9, "error: new: finding its coordinator: not permitted on this consumer group"+needs,
		"groups", "reset", "new", "--topic", "invoices", "--to", "start", "--create")
	denied(9, "error: 2 of 2 partitions not shortened\nhint: it takes the right Delete on the topic\n", "delete-records", "invoices", "--before", "5", "--yes")
	grant("Describe", "--group", "billing")
	denied(9, "error: billing: no offset was set: not permitted on this consumer group"+needs, reset...)
	denied(9, "error: deleting group billing: not permitted on this consumer group"+needs, "groups", "delete", "billing", "--yes")
	grant("Read", "--group", "billing")
	denied(9, "error: billing: no offset was set: not permitted on this topic"+needs, reset...)

	if _, err := os.Stat(undo); !os.IsNotExist(err) {
		t.Errorf("there is a file to undo what was not done: %v", err)
	}
	until(t, super, "billing", func(d groups.Description) bool { return reached(d) == 10 && *d.Lag == 90 })
	grant("Read", "--topic", "invoices")
	grant("Delete", "--topic", "invoices")
	grant("Delete", "--group", "billing")
	denied(0, "set 2 offsets of billing; ", reset...)
	denied(0, "deleted 10 records of invoices\n", "delete-records", "invoices", "--before", "5", "--yes")
	denied(0, "deleted group billing; ", "groups", "delete", "billing", "--yes")
}
