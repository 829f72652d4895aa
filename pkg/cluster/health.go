package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

const (
	// askTimeout bounds one question to Kafka about its health.
	askTimeout = 3 * time.Second
	// settle is how long a runtime may take to miss a service that died.
	settle = 250 * time.Millisecond
	// misledFor is how long an advertised address may lead nowhere: longer than
	// a published port needs to be there, and no change of itself is to come.
	misledFor = 3 * time.Second
	// basePort is Kafka's port without an offset.
	basePort = 9092
	// registryPort is the schema registry's port without an offset.
	registryPort = 8081
	// highestOffset keeps the highest published port, with an offset, a port.
	highestOffset = 65535 - basePort
)

func checkState(s State) error {
	if s.PortOffset < 0 || s.PortOffset > highestOffset {
		return errorf(ErrInvalid, "port offset %d: want 0 to %d", s.PortOffset, highestOffset)
	}
	return nil
}

// kafkaEndpoint is where clients on this machine find Kafka.
func (s State) kafkaEndpoint() string {
	return "127.0.0.1:" + strconv.Itoa(basePort+s.PortOffset)
}

func (s *Stack) openKafka(ctx context.Context, state State) (*kafka.Client, error) {
	return kafka.Open(ctx, kafka.Config{Bootstrap: []string{state.kafkaEndpoint()}, Timeout: askTimeout})
}

// awaitKafka opens a client once the cluster answers metadata with a
// controller, and that broker answers at the address it advertises.
func (s *Stack) awaitKafka(ctx context.Context, state State, opts UpOptions) (*kafka.Client, error) {
	limit := opts.WaitTimeout
	if limit <= 0 {
		limit = time.Minute
	}
	done := report(opts.Progress).begin("ready", "Kafka answers at "+state.kafkaEndpoint())
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	var misled time.Time // since when the advertised address leads nowhere
	for {
		client, err := s.openKafka(ctx, state)
		if err == nil {
			if err = checkReady(ctx, client); err == nil {
				done()
				return client, nil
			}
			_ = client.Close() // nothing is under way
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var at *kafka.ConnectError
		if errors.As(err, &at) && at.Addr != state.kafkaEndpoint() {
			if misled.IsZero() {
				misled = time.Now()
			}
			if time.Since(misled) > misledFor {
				return nil, advise(fmt.Errorf("kafka answers at %s and sends clients to an address where it does not: %w", state.kafkaEndpoint(), err),
					"correct KAFKA_ADVERTISED_LISTENERS in the compose override, or --advertise")
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, fmt.Errorf("kafka: %w (%v): %w", ErrNotReady, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func checkReady(ctx context.Context, client *kafka.Client) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	meta, err := client.Metadata(ctx, nil)
	if err != nil {
		return err
	}
	if meta.Controller < 0 || len(meta.Brokers) == 0 {
		return errors.New("cluster has no controller yet")
	}
	// What is advertised is where every client goes from here.
	return client.Do(ctx, func() error {
		broker, err := client.Wire().Node(meta.Brokers[0].ID)
		if err != nil {
			return err
		}
		_, err = broker.ApiVersions(&sarama.ApiVersionsRequest{})
		return err
	})
}

// makeTopics creates what is missing of the catalogue.
func makeTopics(ctx context.Context, client *kafka.Client, progress func(Event)) error {
	done := report(progress).begin("topics", "topics of the catalogue exist")
	made, err := topics.New(client).Create(ctx, topics.Catalogue(), topics.CreateOptions{IfNotExists: true})
	if err != nil {
		return fmt.Errorf("creating the catalogue's topics: %w", err)
	}
	done()
	n := 0
	for _, m := range made {
		if m.Outcome == topics.Created {
			n++
		}
	}
	if n > 0 {
		report(progress).note(fmt.Sprintf("created %d of the catalogue's %d topics", n, len(made)))
	}
	return nil
}

// Status tells the health of the stack by asking its services, and Kafka by a
// metadata request of its own. A stack that does not run is [HealthDown], not
// an error.
func (s *Stack) Status(ctx context.Context) (Status, error) {
	services, err := s.runtime.Services(ctx, s.state)
	if errors.Is(err, ErrNoEngine) {
		// Whether it runs cannot be known; that it cannot be relied on can.
		st := s.blank(nil)
		st.Status, st.Error = HealthDown, err.Error()
		return st, nil
	}
	if err != nil {
		return Status{}, err
	}
	st, err := s.status(ctx, services)
	if err == nil && st.Status == HealthUp {
		s.missRemoved(&st)
	}
	if err != nil || st.Status != HealthDegraded {
		return st, err
	}
	// What died a moment ago may not have been missed yet.
	select {
	case <-ctx.Done():
		return st, nil
	case <-time.After(settle):
	}
	if services, err = s.runtime.Services(ctx, s.state); err != nil || runs(services) {
		return st, err
	}
	return s.status(ctx, services)
}

func (s *Stack) status(ctx context.Context, services []Service) (Status, error) {
	if st, ok := s.withoutBroker(services); ok {
		return st, nil
	}
	if !runs(services) {
		st := s.blank(services)
		st.Status, st.Error = HealthDown, s.runtime.WhyDown()
		if st.Error == "" {
			st.Error = "stack is not running"
		}
		return st, nil
	}
	s.adoptPort(services)
	client, err := s.openKafka(ctx, s.state)
	if err != nil {
		if ctx.Err() != nil {
			return Status{}, ctx.Err()
		}
		st := s.blank(services)
		st.Status, st.Error = HealthDegraded, err.Error()
		if state := stateOf(services, ServiceKafka); state == StateStarting {
			st.Status = HealthStarting
		}
		return st, nil
	}
	defer client.Close()
	return s.health(ctx, client, services)
}

// adoptPort takes the port offset from what runs where none is recorded, as
// after a start that was killed.
func (s *Stack) adoptPort(services []Service) {
	if s.recorded || s.runtime.Name() != RuntimeDocker {
		return
	}
	for _, svc := range services {
		_, port, err := net.SplitHostPort(svc.Endpoint)
		if n, numErr := strconv.Atoi(port); svc.Name == ServiceKafka && err == nil && numErr == nil {
			s.state.PortOffset = n - basePort
		}
	}
}

// missRemoved adds the services that the last start had and nobody has stopped,
// whose containers are gone all the same.
func (s *Stack) missRemoved(st *Status) {
	for _, name := range slices.Sorted(maps.Keys(s.state.Endpoints)) {
		if stateOf(st.Services, name) == "" {
			st.Services = append(st.Services, Service{Name: name, State: "removed"})
			st.Status, st.Error = HealthDegraded, name+" is removed; start makes it again"
		}
	}
}

func stateOf(services []Service, name string) string {
	for _, s := range services {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

func (s *Stack) blank(services []Service) Status {
	if services == nil {
		services = []Service{}
	}
	return Status{
		Runtime: s.runtime.Name(), Project: s.project, PortOffset: s.state.PortOffset, Services: services, Notes: s.runtime.Notes(),
	}
}

// health asks Kafka for its topics. The error is the context's alone.
func (s *Stack) health(ctx context.Context, client *kafka.Client, services []Service) (Status, error) {
	st := s.blank(services)
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	meta, err := client.Metadata(ask, nil)
	if err != nil {
		if ctx.Err() != nil {
			return Status{}, ctx.Err()
		}
		st.Status, st.Error = HealthDegraded, err.Error()
		return st, nil
	}
	st.ClusterID = meta.ClusterID
	st.Details.TopicCount = countTopics(meta)
	st.Status = HealthUp
	if n := leaderless(meta); n > 0 {
		st.Status, st.Error = HealthDegraded, fmt.Sprintf("%d partitions have no leader", n)
	}
	for _, svc := range services {
		if svc.State != StateRunning {
			st.Status, st.Error = HealthDegraded, fmt.Sprintf("%s is %s", svc.Name, svc.State)
		}
	}
	return st, nil
}

// withoutBroker is the status of a stack whose broker does not run, or cannot
// answer: there is no use in asking it.
func (s *Stack) withoutBroker(services []Service) (Status, bool) {
	st := s.blank(services)
	state := stateOf(services, ServiceKafka)
	r, ok := s.runtime.(*dockerRuntime)
	switch {
	case !ok || len(services) == 0:
		return st, false
	case state == "paused":
		st.Status, st.Error = HealthDegraded, "kafka is paused; start lets it go on"
	case !slices.ContainsFunc(services, func(s Service) bool { return s.Name == ServiceKafka && s.alive() }):
		st.Status, st.Error = HealthDown, r.whyDown(services)
		if st.Error == "" {
			st.Error = "kafka has no container"
		}
	default:
		return st, false
	}
	return st, true
}

func countTopics(meta kafka.Metadata) int {
	n := 0
	for _, t := range meta.Topics {
		if !t.Internal {
			n++
		}
	}
	return n
}

func leaderless(meta kafka.Metadata) int {
	n := 0
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				n++
			}
		}
	}
	return n
}
