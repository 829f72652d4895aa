package containers_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// status is what status -o json promises to scripts.
type status struct {
	Status  string
	Details struct {
		TopicCount int `json:"topicCount"`
	}
	Runtime  string
	Services []struct {
		Name, State, Endpoint string
		ContainerEndpoint     string `json:"container_endpoint"`
	}
}

func (p *project) status(t *testing.T) status {
	t.Helper()
	r := p.ok(t, "", "status", "-o", "json")
	var s status
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return s
}

// TestStart is the life of the whole stack: broker, registry and UI healthy
// with the catalogue's topics, every kind of command through the published
// port, data that survives a stop, and nothing left once it is wiped.
func TestStart(t *testing.T) {
	p := newProject(t)
	r := p.ok(t, "", p.startArgs()...)
	holds(t, r.err, "3 images are there", "kafka-1 is healthy", "3 containers are healthy", "Kafka answers at "+p.broker(),
		"a record was sent and read back", "created 12 of the catalogue's 12 topics", "next: manage-kafka list-topics")

	s := p.status(t)
	if s.Status != "up" || s.Details.TopicCount != 12 || s.Runtime != "docker" || len(s.Services) != 3 {
		t.Errorf("status is %+v", s)
	}
	for _, svc := range s.Services {
		if svc.State != "running" || svc.Endpoint == "" || !strings.Contains(svc.ContainerEndpoint, svc.Name+":") {
			t.Errorf("service %+v", svc)
		}
	}
	holds(t, docker(t, "compose", "ls"), p.name+" ")

	docker(t, "rm", "-f", p.name+"-kafka-ui-1")
	holds(t, p.want(t, 4, "", "status").err, "is degraded: kafka-ui is removed; start makes it again")
	p.ok(t, "", "start", "--pull", "never")
	p.status(t)

	env := p.ok(t, "", "status", "-o", "env").out
	holds(t, env, "export KAFKA_BROKERS="+p.broker()+"\n", "export SCHEMA_REGISTRY_URL=http://127.0.0.1:", "/apis/ccompat/v7\n")
	_, registry, _ := strings.Cut(strings.TrimSpace(env), "SCHEMA_REGISTRY_URL=")
	if got := (&stack{registry: registry}).call(t, http.MethodGet, "/subjects", "", http.StatusOK); got != "[]" {
		t.Errorf("GET %s/subjects: %s", registry, got)
	}

	p.ok(t, "", "create-topic", "orders", "--partitions", "1")
	p.ok(t, "one\ntwo\n", "producer", "orders")
	holds(t, p.ok(t, "", "list-topics", "-o", "name").out, "orders\n", "tenant.events\n")
	if names := p.ok(t, "", "list-topics", "-o", "name").out; strings.Contains(names, "kafkasql") || strings.Contains(names, "__manage_kafka") {
		t.Errorf("topics of the infrastructure are listed: %s", names)
	}
	holds(t, p.ok(t, "", "start").err, "runs already")

	logs := p.ok(t, "", "logs", "kafka", "--tail", "5").out
	if n := strings.Count(logs, "\n"); n != 5 {
		t.Errorf("--tail 5 shows %d lines", n)
	}
	holds(t, p.ok(t, "", "logs", "--grep", "Kafka Server started").out, "kafka | ")
	if future := p.ok(t, "", "logs", "--since", "0s").out; strings.Contains(future, "Kafka Server started") {
		t.Errorf("--since 0s shows old lines: %s", future)
	}
	holds(t, p.want(t, 1, "", "logs", "kafak").err, "kafak")

	holds(t, p.ok(t, "", "stop").err, "its data is kept")
	if left := p.left("container") + p.left("network"); left != "" {
		t.Errorf("left after stop: %s", left)
	}
	down := p.want(t, 3, "", "status")
	holds(t, down.err, "not running")

	r = p.ok(t, "", "start", "--pull", "never")
	if strings.Contains(r.err, "created ") {
		t.Errorf("topics were made again: %s", r.err)
	}
	if got := consume(t, p.broker(), "orders", 2); got[0] != "one" || got[1] != "two" {
		t.Errorf("after stop and start: %q", got)
	}

	refused := p.want(t, 2, "", "stop", "--volumes")
	holds(t, refused.err, "volume "+p.name+"_kafka-data", "--yes")
	p.ok(t, "", "stop", "--volumes", "-y")
	p.nothingLeft(t)
	holds(t, p.ok(t, "", "stop").err, "is not running")
}

// TestLifeOfBroker is what can happen to a broker that runs: killed, paused,
// its data taken for another cluster's. One bring-up serves all.
func TestLifeOfBroker(t *testing.T) {
	p := newProject(t)

	// Two starts at once: one does it, the other waits and finds it done.
	args := p.startArgs("--only", "kafka", "--with", "registry-confluent")
	one, two := p.begin(t, args...), p.begin(t, args...)
	if a, b := one.end(t, 4*time.Minute), two.end(t, 4*time.Minute); a != 0 || b != 0 {
		t.Fatalf("exit %d: %s\nexit %d: %s", a, one.said(), b, two.said())
	}
	both := one.said() + two.said()
	holds(t, both, "waiting for it", "runs already", "is ready after")
	if strings.Count(both, "kafka-1 is started") != 1 {
		t.Errorf("both started it: %s", both)
	}
	if s := p.status(t); s.Status != "up" || len(s.Services) != 1 {
		t.Errorf("--only kafka: %+v", s)
	}
	record, err := os.ReadFile(filepath.Join(p.state, "manage-kafka", p.name, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, string(record), `"runtime": "docker"`, `"registry-confluent"`)
	holds(t, p.want(t, 7, "", "start", "--with", "").err, "runs already, with overlays [registry-confluent]")
	p.ok(t, "kept\n", "producer", "tenant.events")

	broker := p.name + "-kafka-1"
	docker(t, "kill", broker)
	r := p.want(t, 3, "", "status")
	r.within(t, 5*time.Second)
	holds(t, r.err, "kafka was killed (exit code 137)")
	p.ok(t, "", "start", "--only", "kafka", "--pull", "never")
	p.status(t)

	docker(t, "pause", broker)
	r = p.want(t, 4, "", "status")
	r.within(t, 10*time.Second)
	holds(t, r.err, "kafka is paused")
	r = p.run(t, "", "list-topics", "--timeout", "3s")
	if r.code == 0 {
		t.Errorf("a paused broker lists topics: %s", r.out)
	}
	r.within(t, 10*time.Second)
	holds(t, p.ok(t, "", "start", "--only", "kafka", "--pull", "never").err, "unpausing kafka")

	// The engine does not answer; the broker does not need it.
	proxy := newProxy(t)
	p.env = []string{"DOCKER_HOST=unix://" + proxy.path}
	p.status(t)
	proxy.close()
	r = p.want(t, 3, "", "status")
	r.within(t, 10*time.Second)
	holds(t, r.err, "not running")
	r = p.want(t, 3, "", "start")
	holds(t, r.err, "engine is not running", "hint: ", "--runtime embedded")
	p.ok(t, "", "list-topics")
	p.env = nil

	p.otherCluster(t)
	p.ok(t, "", "stop", "--volumes", "-y")
	p.nothingLeft(t)

	// The project's files are lost; its containers tell whose they are.
	holds(t, p.ok(t, "", "stop", "--volumes", "-y").err, "has no data here")
	holds(t, p.ok(t, "", p.startArgs("--only", "kafka")...).err, "1 container is healthy")
	if err := os.RemoveAll(filepath.Join(p.state, "manage-kafka", p.name)); err != nil {
		t.Fatal(err)
	}
	if s := p.status(t); s.Status != "up" || s.Runtime != "docker" {
		t.Errorf("without its files: %+v", s)
	}
	holds(t, p.ok(t, "", "logs", "kafka", "--tail", "1").out, "INFO")
	holds(t, p.ok(t, "", "stop", "--volumes", "-y").err, "volume "+p.name+"_kafka-data", "is stopped and its data removed")
	p.nothingLeft(t)
}

// otherCluster makes the volume's data another cluster's.
func (p *project) otherCluster(t *testing.T) {
	t.Helper()
	p.ok(t, "", "stop")
	const other = "AAAAAAAAAAAAAAAAAAAAAA"
	volume := p.name + "_kafka-data"
	docker(t, "run", "--rm", "-v", volume+":/data", "--entrypoint", "sed", "apache/kafka:4.3.1",
		"-i", "s/^cluster.id=.*/cluster.id="+other+"/", "/data/kraft/meta.properties")
	r := p.want(t, 7, "", "start", "--only", "kafka", "--pull", "never")
	holds(t, r.err, "volume "+volume+" holds the data of cluster "+other, "--cluster-id "+other, "stop --volumes", "last lines of the log of kafka")
	if left := p.left("container") + p.left("network"); left != "" {
		t.Errorf("left by a start that failed: %s", left)
	}
	if p.left("volume") != volume {
		t.Errorf("a start that failed removed a volume that it had not made: %q", p.left("volume"))
	}
}
