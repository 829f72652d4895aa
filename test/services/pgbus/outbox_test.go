package pgbus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/trace"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/pgbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/postgres"
)

func outbox(t *testing.T) *pgbus.Outbox {
	t.Helper()
	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return pgbus.NewOutbox(catalogue)
}

// put commits events into the outbox, or rolls them back.
func put(ctx context.Context, pool *pgxpool.Pool, box *pgbus.Outbox, commit bool, list ...events.Event) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := box.Put(ctx, tx, list...); err != nil {
		return err
	}
	if !commit {
		return nil
	}
	return tx.Commit(ctx)
}

// sent reads what stands in the tenants' topic, by partition and in order.
func sent(t *testing.T, cluster *kfake.Cluster) []kafka.Record {
	t.Helper()
	return kafkatest.Read(t, kafkatest.Open(t, kafkatest.Bootstrap(cluster)), tenantTopic)
}

func TestOutboxSendsWhatIsCommitted(t *testing.T) {
	pool := database(t)
	cluster, b := onBus(t)
	box := outbox(t)
	parent := activated(t, "parent")
	ctx := eventbus.WithParent(t.Context(), parent)
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}}))
	kept, dropped := activated(t, "tenant-1"), activated(t, "tenant-1")
	if err := put(ctx, pool, box, true, kept); err != nil {
		t.Fatal(err)
	}
	if err := put(ctx, pool, box, false, dropped); err != nil {
		t.Fatal(err)
	}
	invalid := activated(t, "x")
	invalid.Data = []byte(`{}`)
	if err := put(ctx, pool, box, true, activated(t, "x"), invalid); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("an invalid event: %v", err)
	}
	// PostgreSQL would refuse it, and with it all else of the transaction.
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := box.Put(ctx, tx, activated(t, "tenant\x00")); !errors.Is(err, events.ErrInvalid) || !strings.Contains(err.Error(), `"tenant\x00" has a zero byte`) {
		t.Errorf("a key with a zero byte: %v", err)
	}
	if _, err := tx.Exec(ctx, "SELECT 1"); err != nil {
		t.Errorf("the transaction after it: %v", err)
	}
	// Debezium's columns.
	var topic, key, kind string
	var size int
	if err := pool.QueryRow(t.Context(), "SELECT aggregatetype, aggregateid, type, length(payload->>'id') FROM bus.outbox").Scan(&topic, &key, &kind, &size); err != nil {
		t.Fatal(err)
	}
	if topic != tenantTopic || key != "tenant-1" || kind != "tenant.activated" || size != len(kept.ID) {
		t.Errorf("row %s, %s, %s", topic, key, kind)
	}
	relay := pgbus.NewRelay(pool, b, pgbus.RelayOptions{})
	if n, err := relay.Flush(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d sent, %v", n, err)
	}
	if n, err := relay.Flush(t.Context()); n != 0 || err != nil {
		t.Errorf("once more: %d sent, %v", n, err)
	}
	all := sent(t, cluster)
	if len(all) != 1 || string(all[0].Key) != "tenant-1" || kafkatest.Header(all[0], "event-id") != kept.ID ||
		kafkatest.Header(all[0], "traceparent") != "00-07000000000000000000000000000000-0800000000000000-00" {
		t.Fatalf("records %+v", all)
	}
	e, err := events.Parse(all[0].Value)
	if err != nil || e.CausationID != parent.ID || e.CorrelationID != parent.ID {
		t.Errorf("event %+v, %v", e, err)
	}
}

// Writers with transactions of any length, some rolled back, several relays, of
// which some are ended midway: every committed event arrives, and in the order of
// its key.
func TestOutboxLosesAndReordersNothing(t *testing.T) {
	pool := database(t)
	cluster, _ := onBus(t)
	box := outbox(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const writers, rounds = 6, 40
	exec(t, pool, "CREATE TABLE tenants (id text PRIMARY KEY, seq int NOT NULL DEFAULT 0)")
	for k := range 4 {
		exec(t, pool, "INSERT INTO tenants (id) VALUES ($1)", fmt.Sprint(k))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var relays sync.WaitGroup
	for i := range 3 {
		b := bus(t, cluster.ListenAddrs())
		relays.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(100+i)))
			for ctx.Err() == nil {
				life, end := context.WithTimeout(ctx, time.Duration(20+random.IntN(150))*time.Millisecond)
				_ = pgbus.NewRelay(pool, b, pgbus.RelayOptions{Batch: 7, Interval: time.Millisecond}).Run(life)
				end()
			}
		})
	}
	var committed atomic.Int64
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for range rounds {
				commit := random.IntN(10) > 0
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
					tenant := fmt.Sprint(random.IntN(4))
					var seq int
					// The row lock makes transactions of a key follow one another.
					if err := tx.QueryRow(t.Context(), "UPDATE tenants SET seq = seq + 1 WHERE id = $1 RETURNING seq", tenant).Scan(&seq); err != nil {
						return err
					}
					e := activated(t, tenant)
					e.UserID = fmt.Sprintf("%06d", seq)
					if err := box.Put(t.Context(), tx, e); err != nil {
						return err
					}
					if _, err := tx.Exec(t.Context(), "SELECT pg_sleep($1)", random.Float64()*0.01); err != nil {
						return err
					}
					if !commit {
						return errRollback
					}
					return nil
				})
				if err == nil {
					committed.Add(1)
				} else if !errors.Is(err, errRollback) {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	kafkatest.Until(t, "the outbox is empty", func() bool { return number(t, pool, "SELECT count(*) FROM bus.outbox") == 0 })
	cancel()
	relays.Wait()
	last := map[string]string{}
	seen := map[string]bool{}
	repeated := 0
	for _, r := range sent(t, cluster) {
		e, err := events.Parse(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if seen[e.ID] {
			repeated++ // a relay ended between the acknowledgement and its commit
			continue
		}
		seen[e.ID] = true
		if key := string(r.Key); e.UserID <= last[key] {
			t.Errorf("key %s: %s after %s", key, e.UserID, last[key])
		}
		last[string(r.Key)] = e.UserID
	}
	t.Logf("committed %d, sent again %d", committed.Load(), repeated)
	if int64(len(seen)) != committed.Load() {
		t.Errorf("%d events arrived, %d were committed", len(seen), committed.Load())
	}
}

var errRollback = errors.New("rolled back on purpose")

// What comes after a refused event of its key waits, be it read with it or later.
func TestOutboxKeepsWhatIsRefused(t *testing.T) {
	for _, batch := range []int{1, 500} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) { keepsWhatIsRefused(t, batch) })
	}
}

func keepsWhatIsRefused(t *testing.T, batch int) {
	pool := database(t)
	cluster, b := onBus(t)
	box := outbox(t)
	bad := activated(t, "tenant-1")
	bad.CorrelationID = "too-large"
	later, other := activated(t, "tenant-1"), activated(t, "tenant-2")
	// A request may have both tenants' batches.
	where := []int32{kafka.PartitionFor([]byte("tenant-1"), 3)}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: where, Err: kerr.MessageTooLarge, Count: -1, When: func(req kmsg.Request) bool {
		produce, ok := req.(*kmsg.ProduceRequest)
		return ok && slices.ContainsFunc(produce.Topics, func(topic kmsg.ProduceRequestTopic) bool {
			return slices.ContainsFunc(topic.Partitions, func(p kmsg.ProduceRequestTopicPartition) bool {
				return strings.Contains(string(p.Records), "too-large")
			})
		})
	}})
	relay := pgbus.NewRelay(pool, b, pgbus.RelayOptions{Batch: batch})
	if err := put(t.Context(), pool, box, true, bad, later, other); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := relay.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if all := sent(t, cluster); len(all) != 1 || kafkatest.Header(all[0], "event-id") != other.ID {
		t.Errorf("%d records, want the other key's alone", len(all))
	}
	refused, held, err := relay.Refused(t.Context())
	if refused != 1 || held != 1 || err != nil {
		t.Errorf("%d refused, %d held, %v", refused, held, err)
	}
	exec(t, pool, "DELETE FROM bus.outbox WHERE refused_at IS NOT NULL AND refusal LIKE '%too large%'")
	if n, err := relay.Flush(t.Context()); n != 1 || err != nil {
		t.Errorf("after it is taken out: %d sent, %v", n, err)
	}
}

// A cluster that is away leaves the outbox as it is.
func TestOutboxWaitsForTheCluster(t *testing.T) {
	pool := database(t)
	cluster, _ := onBus(t)
	b, err := eventbus.Connect(t.Context(), "billing-service", eventbus.Options{
		Brokers: cluster.ListenAddrs(), Produce: eventbus.ProduceOptions{Timeout: 100 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.WithoutCancel(t.Context())) })
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	if err := put(t.Context(), pool, outbox(t), true, activated(t, "a"), activated(t, "b")); err != nil {
		t.Fatal(err)
	}
	relay := pgbus.NewRelay(pool, b, pgbus.RelayOptions{})
	if n, err := relay.Flush(t.Context()); n != 0 || err == nil {
		t.Errorf("%d sent, %v", n, err)
	}
	if n := number(t, pool, "SELECT count(*) FROM bus.outbox WHERE refused_at IS NULL"); n != 2 {
		t.Errorf("%d events wait, want 2", n)
	}
	fault.Remove()
	if n, err := relay.Flush(t.Context()); n != 2 || err != nil {
		t.Errorf("afterwards: %d sent, %v", n, err)
	}
}

// A service that stops, as with each new release of it, sends nothing twice: the
// relay finishes what it has begun.
func TestOutboxOfAServiceThatStops(t *testing.T) {
	pool := database(t)
	cluster, b := onBus(t)
	relay := pgbus.NewRelay(pool, b, pgbus.RelayOptions{})
	if err := put(t.Context(), pool, outbox(t), true, activated(t, "a"), activated(t, "b")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel() // while the events are under way
		return nil, nil, false
	})
	if err := relay.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returns %v", err)
	}
	if n := number(t, pool, "SELECT count(*) FROM bus.outbox"); n != 0 {
		t.Errorf("%d events are still in the outbox", n)
	}
	if n, err := relay.Flush(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %d sent, %v", n, err)
	}
	if n, err := relay.Flush(t.Context()); n != 0 || err != nil {
		t.Errorf("again: %d sent, %v", n, err)
	}
	if all := sent(t, cluster); len(all) != 2 {
		t.Errorf("%d records, want 2", len(all))
	}
}

// A database server that is killed takes nothing with it.
func TestOutboxOutlivesTheServer(t *testing.T) {
	server := postgres.Start(t, postgres.Options{})
	dsn := server.Database()
	pool := connect(t, dsn)
	cluster, b := onBus(t)
	if err := put(t.Context(), pool, outbox(t), true, activated(t, "a"), activated(t, "b")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	server.Kill()
	running.Go(func() { _ = pgbus.NewRelay(pool, b, pgbus.RelayOptions{}).Run(ctx) })
	server.Restart()
	kafkatest.Until(t, "the events are sent", func() bool { return len(sent(t, cluster)) >= 2 })
	cancel()
	running.Wait()
}
