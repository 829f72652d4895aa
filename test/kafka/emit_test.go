package kafka_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// domains are those of the contract, each with a topic of its own.
func domains() []string {
	return []string{"tenant", "user", "billing", "notification", "file", "analytics"}
}

// keys of the contract where they are not the data's id.
func keyPath(name string) []string {
	switch domain, _, _ := strings.Cut(name, "."); {
	case domain == "billing":
		return []string{"tenantId"}
	case domain == "file":
		return []string{"data", "fileId"}
	case strings.HasPrefix(name, "notification.email_"):
		return []string{"data", "notificationId"}
	case domain == "notification":
		return []string{"data", "recipientUserId"}
	case name == "analytics.user_activity_recorded":
		return []string{"data", "userId"}
	case name == "analytics.report_generated":
		return []string{"data", "reportId"}
	case name == "analytics.metric_updated":
		return []string{"data", "metricName"}
	}
	return []string{"data", "id"}
}

// keyOf finds the key that the contract gives an event.
func keyOf(t *testing.T, name string, value []byte) string {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(value, &event); err != nil {
		t.Fatal(err)
	}
	at := any(event)
	for _, step := range keyPath(name) {
		object, _ := at.(map[string]any)
		at = object[step]
	}
	if key, ok := at.(string); ok {
		return key
	}
	// A log-in that failed may know no user.
	data, _ := event["data"].(map[string]any)
	if data["identifierHash"] == nil {
		return fmt.Sprint(event["tenantId"])
	}
	return fmt.Sprintf("%v:%v", event["tenantId"], data["identifierHash"])
}

func topicsOfTheContract(t *testing.T, conn realkafka.Conn) {
	t.Helper()
	for _, d := range domains() {
		peers.CreateTopic(t, conn, d+".events", 3, 1)
	}
}

// Every type goes to its topic by its key, and kafkajs reads the bytes that
// were emitted.
func TestEveryTypeIsEmitted(t *testing.T) {
	c := realkafka.Start(t, realkafka.Options{})
	conn := c.Conn(realkafka.Plaintext)
	topicsOfTheContract(t, conn)
	types := events.Types()
	if len(types) != 35 {
		t.Fatalf("%d types", len(types))
	}
	want := map[string]string{} // type to value
	for i, typ := range types {
		seed := fmt.Sprint(100 + i)
		dry := run(t, product.Command(t.Context(), t, "emit-event", typ.Name, "--example", "--seed", seed, "--dry-run"))
		want[typ.Name] = strings.TrimSuffix(dry.stdout, "\n")
		r := run(t, product.Command(t.Context(), t, "emit-event", typ.Name, "--example", "--seed", seed, "-b", conn.Bootstrap))
		var head struct{ ID string }
		if err := json.Unmarshal([]byte(dry.stdout), &head); err != nil {
			t.Fatal(err)
		}
		if r.code != 0 || r.stdout != head.ID+"\n" {
			t.Fatalf("%s: exit %d, printed %q, want the id %s\n%s", typ.Name, r.code, r.stdout, head.ID, r.stderr)
		}
	}
	seen := 0
	for _, d := range domains() {
		for _, rec := range peers.KafkaJSConsume(t, conn, d+".events") {
			headers := map[string]string{}
			for _, h := range rec.Headers {
				headers[string(h.Key)] = string(h.Value)
			}
			name := headers[events.HeaderType]
			if !strings.HasPrefix(name, d+".") {
				t.Errorf("%s is in %s.events", name, d)
			}
			if string(rec.Value) != want[name] {
				t.Errorf("%s: kafkajs reads\n%s\nwant\n%s", name, rec.Value, want[name])
			}
			if key := keyOf(t, name, rec.Value); string(rec.Key) != key {
				t.Errorf("%s: key %q, want %q", name, rec.Key, key)
			}
			if headers[events.HeaderContentType] != events.ContentType || headers[events.HeaderVersion] != "1.0" || headers[events.HeaderID] == "" {
				t.Errorf("%s: headers %v", name, headers)
			}
			delete(want, name)
			seen++
		}
	}
	if seen != len(types) || len(want) > 0 {
		t.Errorf("%d events are there, want %d; missing %v", seen, len(types), want)
	}
}

// eventFile writes n events of mixed types, with what bad says on line at.
func eventFile(t *testing.T, n, at int, bad string) string {
	t.Helper()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var made [][]byte
	for seed := range uint64(20) {
		for _, typ := range c.Types() {
			e, err := c.Example(typ.Name, seed)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, e.Encode())
		}
	}
	path := filepath.Join(t.TempDir(), "events.ndjson")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	for i := 1; i <= n; i++ {
		line := made[i%len(made)]
		if i == at {
			line = []byte(bad)
		}
		_, _ = w.Write(line)
		_ = w.WriteByte('\n')
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file goes out about as fast as the producer sends the same bytes, and the
// memory does not grow with it. The default form asks for half of what the long
// one holds: on a machine that others use, the ratio is off by as much.
func TestEmitFileSpeed(t *testing.T) {
	n, want := 200_000, 0.15
	if tier.IsLong() {
		n, want = 1_000_000, 0.3
	}
	c := realkafka.Start(t, realkafka.Options{})
	conn := c.Conn(realkafka.Plaintext)
	topicsOfTheContract(t, conn)
	raw := realkafka.Name(t)
	peers.CreateTopic(t, conn, raw, 18, 1)
	path := eventFile(t, n, 0, "")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// In turns, ratio by ratio: the machine has other things to do as well.
	var ratios []float64
	var most int64
	for range 3 {
		if _, err := file.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		sent, _ := produce(t, conn, file, raw)
		lines := time.Since(began)
		began = time.Now()
		r := run(t, product.Command(t.Context(), t, "emit-event", "-b", conn.Bootstrap, "-o", "json", "--file", path))
		emitted := time.Since(began)
		var res console.ProduceResult
		if err := json.Unmarshal([]byte(r.stdout), &res); err != nil || r.code != 0 {
			t.Fatalf("exit %d, %v\n%s\n%s", r.code, err, r.stdout, r.stderr)
		}
		if sent.Acked != int64(n) || res.Acked != int64(n) {
			t.Fatalf("%d lines and %d events acknowledged, want %d", sent.Acked, res.Acked, n)
		}
		most = max(most, r.rss)
		ratios = append(ratios, lines.Seconds()/emitted.Seconds())
		t.Logf("%d events: producer %v, emit-event checking and sending %v", n, lines, emitted)
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2]
	t.Logf("%.2f of the producer's speed, median of %.2f; at most %d MB resident", ratio, ratios, most>>20)
	if ratio < want {
		t.Errorf("emit-event has %.2f of the producer's speed, want %.2f", ratio, want)
	}
	if most > 150<<20 {
		t.Errorf("%d MB resident, more than 150", most>>20)
	}
}

// One bad line far into a file: nothing of it is sent, and the line is named.
func TestEmitFileWithOneBadLine(t *testing.T) {
	n, at := 100_000, 70_001
	if tier.IsLong() {
		n, at = 1_000_000, 700_001
	}
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 3, 1)
	path := eventFile(t, n, at, `{"type":"tenant.deleted","data":{"id":"t1","mode":"soft"}}`)
	r := run(t, product.Command(t.Context(), t, "emit-event", "-b", conn.Bootstrap, "--topic", topic, "--file", path))
	want := fmt.Sprintf("line %d: /data/deletedAt: is required\n", at)
	if r.code != 2 || !strings.Contains(r.stderr, want) || r.stdout != "" {
		t.Errorf("exit %d, want 2 with %q\n%s", r.code, want, r.stderr)
	}
	if got := peers.Dump(t, conn, topic, peers.Committed); len(got) != 0 {
		t.Errorf("%d events were sent", len(got))
	}
}
