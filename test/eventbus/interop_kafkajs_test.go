package eventbus_test

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

//go:embed js/*.js
var scripts embed.FS

// node is services in Node on one cluster.
type node struct {
	t       *testing.T
	dir     string
	modules string
	brokers string
}

func inNode(t *testing.T, brokers string) *node {
	t.Helper()
	n := &node{t: t, modules: peers.KafkaJSModules(t), dir: t.TempDir(), brokers: brokers}
	if err := os.CopyFS(n.dir, scripts); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) command(ctx context.Context, script string, args ...string) *exec.Cmd {
	args = append([]string{filepath.Join(n.dir, "js", script), n.brokers}, args...)
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+n.modules, "KAFKAJS_NO_PARTITIONER_WARNING=1", "NODE_NO_WARNINGS=1")
	return cmd
}

// run runs a script to its end.
func (n *node) run(script string, args ...string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	if out, err := n.command(ctx, script, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// nodeLine is what a service in Node prints of a record.
type nodeLine struct {
	Key     string            `json:"key"`
	Event   json.RawMessage   `json:"event"`
	Error   json.RawMessage   `json:"error"`
	Headers map[string]string `json:"headers"`
}

func (l nodeLine) id() string {
	var e struct{ ID string }
	if err := json.Unmarshal(l.Event, &e); err != nil {
		return err.Error()
	}
	return e.ID
}

// consumer starts a service that consumes until the test ends, and gives the way to
// wait for the record of an event.
func (n *node) consumer(what string) (await func(id string) nodeLine) {
	n.t.Helper()
	cmd := n.command(context.WithoutCancel(n.t.Context()), "notification.js", what)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]nodeLine{}
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var l nodeLine
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				n.t.Errorf("Node prints %s: %v", lines.Bytes(), err)
				continue
			}
			mu.Lock()
			seen[l.id()] = l
			mu.Unlock()
		}
	})
	n.t.Cleanup(func() {
		_ = stdin.Close() // which asks it to stop
		kill := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		reading.Wait()
		if err := cmd.Wait(); err != nil {
			n.t.Errorf("the service in Node: %v", err)
		}
	})
	return func(id string) nodeLine {
		n.t.Helper()
		var l nodeLine
		waitFor(n.t, "event "+id+" in Node", func() bool {
			mu.Lock()
			defer mu.Unlock()
			var ok bool
			l, ok = seen[id]
			return ok
		})
		return l
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// service gives a bus of a service for the length of the test.
func service(t *testing.T, name, brokers string, edit func(*eventbus.Options)) *eventbus.Bus {
	t.Helper()
	o := eventbus.Options{Brokers: []string{brokers}}
	if edit != nil {
		edit(&o)
	}
	b, err := eventbus.Connect(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("closing the bus of %s: %v", name, err)
		}
	})
	return b
}

func tenantCreated(t *testing.T, id, tenant string) events.Event {
	t.Helper()
	e, err := events.New("tenant.created", "tenant-service", map[string]any{
		"id": tenant, "name": "Acme Corporation", "schemaName": "acme", "packageId": "package-id-1", "billingEmail": "billing@acme.com",
		"subscriptionStartDate": "2026-11-25T09:00:00Z", "initialModules": []string{"crm", "hrm"},
	}, events.Options{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Services in Node, whose code is the original guide's, and services in Go share
// topics and dead letters.
func TestInteropWithKafkaJS(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	const topic = "tenant.events"
	peers.CreateTopic(t, conn, topic, 3, 1)
	peers.CreateTopic(t, conn, topic+".dlq", 3, 1)
	js := inNode(t, conn.Bootstrap)

	// From Node to Go.
	var mu sync.Mutex
	arrived := map[string]events.Event{}
	records := map[string]eventbus.Record{}
	failing := func(_ context.Context, e events.Event, r eventbus.Record) error {
		mu.Lock()
		defer mu.Unlock()
		arrived[e.ID], records[e.ID] = e, r
		if string(r.Key) == "fails-in-go" {
			return eventbus.Permanent(errors.New("no invoice for " + e.ID))
		}
		return nil
	}
	inGo := func(id string) (events.Event, eventbus.Record) {
		t.Helper()
		waitFor(t, "event "+id+" in Go", func() bool {
			mu.Lock()
			defer mu.Unlock()
			_, ok := arrived[id]
			return ok
		})
		return arrived[id], records[id]
	}
	audit := service(t, "audit-service", conn.Bootstrap, nil)
	if _, err := audit.Subscribe(t.Context(), topic, failing, eventbus.Subscription{Group: "audit-service-tenant-consumer", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	js.run("tenant.js", "event-id-1", "tenant-id-1")
	e, r := inGo("event-id-1")
	var data struct {
		ID, Name       string
		InitialModules []string
	}
	if err := e.Decode(&data); err != nil || data.Name != "Acme Corporation" || len(data.InitialModules) != 2 {
		t.Errorf("data %+v, %v", data, err)
	}
	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if err := catalogue.Validate(e); err != nil {
		t.Errorf("the guide's event breaks the contract: %v", err)
	}
	if r.Partition != kafka.PartitionFor([]byte("tenant-id-1"), 3) {
		t.Errorf("kafkajs put the key into partition %d", r.Partition)
	}

	// From Go to Node, plain and by gzip, the one codec that kafkajs knows.
	events := js.consumer("events")
	for i, codec := range []eventbus.Compression{eventbus.Uncompressed, eventbus.Gzip} {
		id := fmt.Sprintf("event-id-go-%d", i)
		producer := service(t, "tenant-service", conn.Bootstrap, func(o *eventbus.Options) {
			o.Produce.TopicCompression = map[string]eventbus.Compression{topic: codec}
		})
		sent := tenantCreated(t, id, "tenant-id-2")
		sent.CorrelationID = "corr-" + id
		if err := producer.Produce(t.Context(), topic, sent); err != nil {
			t.Fatal(err)
		}
		l := events(id)
		if l.Key != "tenant-id-2" || l.Headers["event-type"] != "tenant.created" || l.Headers["correlation-id"] != "corr-"+id || !sameJSON(t, l.Event, sent.Encode()) {
			t.Errorf("Node has %+v", l)
		}
	}

	// Letters of Go in Node: by headers, and with the error in the value.
	letters := js.consumer("dlq")
	envelope := service(t, "envelope-service", conn.Bootstrap, func(o *eventbus.Options) { o.Letters.Format = eventbus.Envelope })
	if _, err := envelope.Subscribe(t.Context(), topic, failing, eventbus.Subscription{Group: "envelope-service-tenant-consumer", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	byHeaders, byValue := 0, 0
	for _, id := range []string{"letter-1", "letter-2"} {
		if err := audit.Produce(t.Context(), topic, tenantCreated(t, id, "fails-in-go")); err != nil {
			t.Fatal(err)
		}
		letters(id)
	}
	// Both services wrote a letter of each event; Node sees whichever came last, so
	// they are counted in the topic.
	waitFor(t, "four letters", func() bool { return len(peers.KafkaJSConsume(t, conn, topic+".dlq")) >= 4 })
	for _, rec := range peers.KafkaJSConsume(t, conn, topic+".dlq") {
		var value struct {
			ID    string          `json:"id"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(rec.Value, &value); err != nil {
			t.Fatal(err)
		}
		message := ""
		for _, h := range rec.Headers {
			if string(h.Key) == "dlq-error-message" {
				message = string(h.Value)
			}
			if h.Value == nil {
				t.Errorf("header %s is null, which kafkajs cannot send on", h.Key)
			}
		}
		if message != "no invoice for "+value.ID {
			t.Errorf("the letter of %s says %q", value.ID, message)
		}
		if value.Error == nil {
			byHeaders++
		} else {
			byValue++
		}
	}
	if byHeaders != 2 || byValue != 2 {
		t.Errorf("%d letters by headers alone, %d with the error in the value, want 2 each", byHeaders, byValue)
	}

	// Letters of Node in Go, which have the error in the value alone.
	if err := audit.Produce(t.Context(), topic, tenantCreated(t, "letter-of-node", "fails-in-node")); err != nil {
		t.Fatal(err)
	}
	found := make(chan eventbus.Letter, 16)
	if _, err := audit.ConsumeDLQ(t.Context(), topic, func(_ context.Context, l eventbus.Letter) error {
		found <- l
		return nil
	}, eventbus.Subscription{FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(time.Minute); ; {
		select {
		case l := <-found:
			if l.Event.ID != "letter-of-node" {
				continue
			}
			if l.Error != "no mailbox for this tenant" || l.Undecodable != nil || len(l.Event.Extra) != 0 || string(l.Record.Key) != "fails-in-node" {
				t.Errorf("the letter is %+v", l)
			}
			if err := catalogue.Validate(l.Event); err != nil {
				t.Errorf("the letter's event is not as it was: %v", err)
			}
			return
		case <-deadline:
			t.Fatal("Node's letter does not arrive in Go")
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}
