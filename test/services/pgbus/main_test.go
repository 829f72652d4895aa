// Package pgbus_test holds pkg/eventbus/pgbus on a real PostgreSQL.
package pgbus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/pgbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/postgres"
)

func TestMain(m *testing.M) { postgres.Main(m) }

const (
	tenantTopic = "tenant.events"
	group       = "billing-service-tenant-consumer"
)

// database gives a new database with the bus's tables and one of the service's.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return connect(t, postgres.Shared(t).Database())
}

func connect(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for range 2 { // the second time changes nothing
		if err := pgbus.CreateTables(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, pool, "CREATE TABLE IF NOT EXISTS effects (n bigint GENERATED ALWAYS AS IDENTITY, event_id text, tenant text)")
	return pool
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func number(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func activated(t testing.TB, tenant string) events.Event {
	t.Helper()
	e, err := events.New("tenant.activated", "tenant-service",
		map[string]string{"id": tenant, "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// onBus gives a broker with the tenants' topics and a Bus of the billing service.
func onBus(t *testing.T) (*kfake.Cluster, *eventbus.Bus) {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(3, tenantTopic, tenantTopic+".dlq"))
	return cluster, bus(t, cluster.ListenAddrs())
}

func bus(t *testing.T, brokers []string) *eventbus.Bus {
	t.Helper()
	b, err := eventbus.Connect(t.Context(), "billing-service", eventbus.Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("closing the bus: %v", err)
		}
	})
	return b
}

func effect(ctx context.Context, tx pgx.Tx, e events.Event) error {
	var data struct{ ID string }
	if err := e.Decode(&data); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO effects (event_id, tenant) VALUES ($1, $2)", e.ID, data.ID)
	return err
}

func record(offset int64) eventbus.Record {
	return eventbus.Record{Record: kafka.Record{Topic: tenantTopic, Offset: offset}, Attempt: 1, Group: group}
}

func TestInboxHasEffectsOnce(t *testing.T) {
	pool := database(t)
	handler := pgbus.NewInbox(pool).Handler(func(ctx context.Context, tx pgx.Tx, e events.Event, _ eventbus.Record) error {
		return effect(ctx, tx, e)
	})
	e := activated(t, "tenant-1")
	if err := handler(t.Context(), e, record(1)); err != nil {
		t.Fatal(err)
	}
	if err := handler(t.Context(), e, record(1)); !errors.Is(err, eventbus.ErrSkip) {
		t.Errorf("the second time: %v", err)
	}
	other := record(1)
	other.Group = "another-consumer"
	if err := handler(t.Context(), e, other); err != nil {
		t.Errorf("another group: %v", err)
	}
	if n := number(t, pool, "SELECT count(*) FROM effects"); n != 2 {
		t.Errorf("%d effects, want one a group", n)
	}
}

// The former owner of a partition and the new one have the same event at once.
func TestInboxAgainstAZombie(t *testing.T) {
	pool := database(t)
	inside, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	handler := pgbus.NewInbox(pool).Handler(func(ctx context.Context, tx pgx.Tx, e events.Event, _ eventbus.Record) error {
		once.Do(func() {
			close(inside)
			<-proceed
		})
		return effect(ctx, tx, e)
	})
	e := activated(t, "tenant-1")
	results := make(chan error, 2)
	go func() { results <- handler(t.Context(), e, record(1)) }()
	<-inside
	go func() { results <- handler(t.Context(), e, record(1)) }()
	kafkatest.Until(t, "the second one waits for the first", func() bool {
		return number(t, pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
	})
	close(proceed)
	a, b := <-results, <-results
	if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), eventbus.ErrSkip) {
		t.Errorf("one has to skip: %v and %v", a, b)
	}
	if n := number(t, pool, "SELECT count(*) FROM effects"); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}

func TestInboxOfAFailedHandler(t *testing.T) {
	pool := database(t)
	fail := errors.New("no")
	var result error
	handler := pgbus.NewInbox(pool).Middleware(func(ctx context.Context, e events.Event, _ eventbus.Record) error {
		if err := effect(ctx, pgbus.Tx(ctx), e); err != nil {
			return err
		}
		return result
	})
	e := activated(t, "tenant-1")
	result = fail
	if err := handler(t.Context(), e, record(1)); !errors.Is(err, fail) {
		t.Fatal(err)
	}
	if n := number(t, pool, "SELECT (SELECT count(*) FROM effects) + (SELECT count(*) FROM bus.inbox)"); n != 0 {
		t.Errorf("%d rows of a failed try", n)
	}
	func() {
		defer func() { _ = recover() }()
		_ = pgbus.NewInbox(pool).Handler(func(context.Context, pgx.Tx, events.Event, eventbus.Record) error { panic("a bug") })(t.Context(), e, record(1))
	}()
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are lost after a panic", n)
	}
	result = nil
	if err := handler(t.Context(), e, record(1)); err != nil {
		t.Fatal(err)
	}
	if n := number(t, pool, "SELECT count(*) FROM effects"); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
	if pgbus.Tx(t.Context()) != nil {
		t.Error("a transaction outside of the inbox")
	}
}

func TestInboxPrune(t *testing.T) {
	pool := database(t)
	exec(t, pool, "INSERT INTO bus.inbox VALUES ($1, 'old', now() - interval '100 days'), ($1, 'new', now() - interval '1 day')", group)
	n, err := pgbus.NewInbox(pool).Prune(t.Context(), 90*24*time.Hour)
	if err != nil || n != 1 {
		t.Fatalf("%d forgotten, %v", n, err)
	}
	if left := number(t, pool, "SELECT count(*) FROM bus.inbox WHERE event_id = 'new'"); left != 1 {
		t.Error("the new one is gone")
	}
}

func TestOffsetsAdvance(t *testing.T) {
	pool := database(t)
	offsets := pgbus.NewOffsets(pool, group)
	p := pgbus.Partition{Topic: tenantTopic, TopicID: "id-1", Number: 2}
	next, err := offsets.Next(t.Context(), p)
	if err != nil || next != -1 {
		t.Fatalf("a partition without an offset: %d, %v", next, err)
	}
	put := func(name string) func(pgx.Tx) error {
		return func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO effects (event_id) VALUES ($1)", name)
			return err
		}
	}
	for _, step := range []struct {
		expected, next int64
		fenced         bool
	}{{-1, 10, false}, {-1, 12, true}, {10, 20, false}, {10, 15, true}, {20, 21, false}} {
		err := offsets.Advance(t.Context(), p, step.expected, step.next, put(fmt.Sprint(step.next)))
		if errors.Is(err, pgbus.ErrFenced) != step.fenced || !step.fenced && err != nil {
			t.Errorf("from %d to %d: %v", step.expected, step.next, err)
		}
	}
	if err := offsets.Advance(t.Context(), p, 21, 21, put("same")); err == nil || errors.Is(err, pgbus.ErrFenced) {
		t.Errorf("no way on: %v", err)
	}
	if n := number(t, pool, "SELECT count(*) FROM effects"); n != 3 {
		t.Errorf("%d effects, want those of the 3 steps that were not fenced", n)
	}
	p.TopicID = "id-2"
	if next, err := offsets.Next(t.Context(), p); err != nil || next != -1 {
		t.Errorf("the topic made again: %d, %v", next, err)
	}
}

// Two consumers take turns and collide over one partition; every record has its
// effect once, in order.
func TestOffsetsFenceZombies(t *testing.T) {
	pool := database(t)
	const records = 400
	handler := pgbus.NewOffsets(pool, group).Handler(nil, func(ctx context.Context, tx pgx.Tx, batch []eventbus.Delivery) error {
		for _, d := range batch {
			if err := effect(ctx, tx, d.Event); err != nil {
				return err
			}
		}
		return nil
	})
	deliveries := make([]eventbus.Delivery, records)
	for i := range deliveries {
		deliveries[i] = eventbus.Delivery{Event: activated(t, fmt.Sprintf("%05d", i)), Record: record(int64(i * 2))} // with holes
	}
	var wg sync.WaitGroup
	for consumer := range 3 {
		wg.Go(func() {
			for at := 0; at < records; {
				n := min(7+consumer*4, records-at)
				err := handler(t.Context(), deliveries[at:at+n])
				if err != nil && !errors.Is(err, pgbus.ErrFenced) {
					t.Error(err)
					return
				}
				if err == nil {
					at += n
				}
			}
		})
	}
	wg.Wait()
	if n := number(t, pool, "SELECT count(*) FROM effects"); n != records {
		t.Errorf("%d effects, want %d", n, records)
	}
	if n := number(t, pool, "SELECT count(*) FROM (SELECT tenant <= lag(tenant) OVER (ORDER BY n) AS back FROM effects) x WHERE back"); n != 0 {
		t.Errorf("order goes back %d times", n)
	}
}

// What the bus delivers twice, as after a crash, has its effects once by the
// offsets in the database.
func TestOffsetsOnTheBus(t *testing.T) {
	pool := database(t)
	cluster, first := onBus(t)
	list := make([]events.Event, 300)
	for i := range list {
		list[i] = activated(t, fmt.Sprintf("tenant-%d", i%20))
	}
	if err := first.ProduceBatch(t.Context(), tenantTopic, list...); err != nil {
		t.Fatal(err)
	}
	handler := func(b *eventbus.Bus) eventbus.BatchHandler {
		return pgbus.NewOffsets(pool, group).Handler(b.TopicID, func(ctx context.Context, tx pgx.Tx, batch []eventbus.Delivery) error {
			for _, d := range batch {
				if err := effect(ctx, tx, d.Event); err != nil {
					return err
				}
			}
			return nil
		})
	}
	// Two groups of Kafka's, one of the database: the second reads all again.
	for i, name := range []string{group, "billing-service-again-consumer"} {
		b := bus(t, cluster.ListenAddrs())
		stop, err := b.SubscribeBatch(t.Context(), tenantTopic, handler(b), eventbus.Subscription{Group: name, FromBeginning: true})
		if err != nil {
			t.Fatal(err)
		}
		kafkatest.Until(t, "the group is done", func() bool {
			h := b.Health(t.Context())
			return number(t, pool, "SELECT count(*) FROM effects") >= len(list) && len(h.Details.Groups) == 1 &&
				h.Details.Groups[0].Assigned == 3 && h.Details.Groups[0].Lag == 0 && h.Details.Groups[0].InFlight == 0
		})
		if err := stop(t.Context()); err != nil {
			t.Error(err)
		}
		if n := number(t, pool, "SELECT count(*) FROM effects"); n != len(list) {
			t.Errorf("%d effects after group %d, want %d", n, i, len(list))
		}
	}
}
