package containers_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// TestStack is the life of the stack as the compose file promises it: healthy
// when up, reachable from the host, nothing lost by down and up, nothing left by
// down --volumes.
func TestStack(t *testing.T) {
	s := newStack(t)
	s.up(t)
	for _, c := range s.ps(t) {
		if c.State != "running" || c.Health != "healthy" {
			t.Errorf("after up --wait: %s is %s, %s", c.Service, c.State, c.Health)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	s.onlyNamedVolumes(t)

	want := []string{"one", "two", "\x00\xff"}
	produce(t, s.broker, "orders", want)
	if got := consume(t, s.broker, "orders", len(want)); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if body := s.register(t, `{"type":"object","properties":{"id":{"type":"string"}},"additionalProperties":false}`, http.StatusOK); !strings.Contains(body, `"id"`) {
		t.Errorf("no id in the answer to a registration: %s", body)
	}
	s.call(t, http.MethodPut, "/config/orders-value", `{"compatibility":"BACKWARD"}`, http.StatusOK)
	s.register(t, `{"type":"object","properties":{"id":{"type":"integer"}},"additionalProperties":false}`, http.StatusConflict)

	s.compose(t, "down")
	s.up(t)
	if got := consume(t, s.broker, "orders", len(want)); !slices.Equal(got, want) {
		t.Errorf("after down and up: read %q, want %q", got, want)
	}
	if got := s.call(t, http.MethodGet, "/subjects/orders-value/versions", "", http.StatusOK); got != "[1]" {
		t.Errorf("after down and up: versions %s, want [1]", got)
	}
	if got := s.call(t, http.MethodGet, "/config/orders-value", "", http.StatusOK); !strings.Contains(got, "BACKWARD") {
		t.Errorf("after down and up: compatibility %s", got)
	}

	s.compose(t, "down", "--volumes")
	for _, list := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
		args := append(list, "--filter", "label=com.docker.compose.project="+s.project)
		if left := docker(t, args...); left != "" {
			t.Errorf("docker %s after down --volumes: %s", strings.Join(args, " "), left)
		}
	}
}

// TestHealthCheckTellsHungBroker holds that the broker's health check asks the
// broker: one that accepts connections and answers nothing is not healthy.
func TestHealthCheckTellsHungBroker(t *testing.T) {
	s := newStack(t)
	s.up(t, "kafka")
	check := s.healthCheck(t, "kafka")
	id := docker(t, "ps", "-q", "--filter", "label=com.docker.compose.project="+s.project)
	if out, err := tryDocker(t, append([]string{"exec", id}, check...)...); err != nil {
		t.Fatalf("health check of a good broker: %v: %s", err, out)
	}
	docker(t, "kill", "--signal", "STOP", id)
	start := time.Now()
	if out, err := tryDocker(t, append([]string{"exec", id}, check...)...); err == nil {
		t.Errorf("a stopped broker passes its health check: %s", out)
	}
	if took := time.Since(start); took > 50*time.Second {
		t.Errorf("the check took %v", took)
	}
	docker(t, "kill", "--signal", "CONT", id)
}

// register posts a JSON schema for orders-value and returns the answer.
func (s *stack) register(t *testing.T, schema string, status int) string {
	t.Helper()
	body := `{"schemaType":"JSON","schema":` + quote(t, schema) + `}`
	return s.call(t, http.MethodPost, "/subjects/orders-value/versions", body, status)
}

// call sends one request to the registry and returns the answer's body.
func (s *stack) call(t *testing.T, method, path, body string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.registry+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, answer)
	}
	return strings.TrimSpace(string(answer))
}

func config() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	cfg.Producer.Return.Successes = true
	return cfg
}

// produce creates a topic of one partition and writes values to it in order.
func produce(t *testing.T, broker, topic string, values []string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin([]string{broker}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	producer, err := sarama.NewSyncProducer([]string{broker}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for _, value := range values {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)}); err != nil {
			t.Fatal(err)
		}
	}
}

// consume reads n values from the start of a topic's only partition.
func consume(t *testing.T, broker, topic string, n int) []string {
	t.Helper()
	consumer, err := sarama.NewConsumer([]string{broker}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer partition.Close()
	deadline := time.After(time.Minute)
	var values []string
	for len(values) < n {
		select {
		case msg := <-partition.Messages():
			values = append(values, string(msg.Value))
		case <-deadline:
			t.Fatalf("read %q, then nothing for the rest of a minute", values)
		}
	}
	return values
}
