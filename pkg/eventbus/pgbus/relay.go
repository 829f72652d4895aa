package pgbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// relayLock is the key of the advisory lock that makes one relay work at a time.
const relayLock = 0x6d6b_6f75_7462_6f78 // "mkoutbox"

// RelayOptions say how a [Relay] works; the zero value is good.
type RelayOptions struct {
	// Batch bounds the events that are sent at once; default 500.
	Batch int
	// Interval is how often an empty outbox is looked into; default 200 ms.
	Interval time.Duration
	// Logger gets what fails, without payloads. Default: nothing is logged.
	Logger *slog.Logger
}

// Relay sends what stands in the outbox, in its order, and removes what is
// acknowledged. Any number of relays may run for one database: one works, the
// others wait to take over. An event may be sent twice when a relay dies between
// the acknowledgement and its commit; consumers know it by its id.
//
// An event that can never be sent, because it breaks its contract or is too large,
// stays in the table with the reason, and so do the later ones of its key, so that
// none overtakes it; [Relay.Refused] counts them.
type Relay struct {
	db   Database
	bus  *eventbus.Bus
	opts RelayOptions
}

// NewRelay sends from db through bus, both of which the caller closes.
func NewRelay(db Database, bus *eventbus.Bus, o RelayOptions) *Relay {
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Interval <= 0 {
		o.Interval = 200 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{db: db, bus: bus, opts: o}
}

// Run relays until ctx ends and returns its error, as [Relay.Flush] does when it is at
// work. A database or cluster that is away is waited for, with up to 5 s between tries.
func (r *Relay) Run(ctx context.Context) error {
	wait := r.opts.Interval
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		sent, err := r.Flush(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.opts.Logger.Warn("outbox is not relayed", "err", err)
			wait = min(max(2*wait, 100*time.Millisecond), 5*time.Second)
		case sent > 0:
			wait = 0
		default:
			wait = r.opts.Interval
		}
		timer.Reset(wait)
	}
}

// waiting is one row of the outbox.
type waiting struct {
	id, topic, key, traceparent string
	payload                     []byte
}

// Flush sends one batch and says how many events left the outbox; 0 with a nil
// error means that nothing waits or another relay is at it. What the cluster did
// not take stays for the next call, and is told in the error. When ctx ends, what is
// under way has 5 s more, so that it is not sent again only because a service stops.
func (r *Relay) Flush(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	begun := ctx
	ctx, cancel := outlive(ctx, finishTimeout)
	defer cancel()
	sent := 0
	var failed error
	err := inTx(ctx, r.db, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(relayLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		rows, err := r.next(ctx, tx)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := begun.Err(); err != nil { // nothing is sent yet
			return err
		}
		var done []string
		var refused map[string]error
		done, refused, failed = r.ship(ctx, rows)
		sent = len(done)
		if _, err := tx.Exec(ctx, `DELETE FROM bus.outbox WHERE id = ANY($1)`, done); err != nil {
			return err
		}
		for id, why := range refused {
			r.opts.Logger.Error("event in the outbox is refused; its key waits", "event", id)
			if _, err := tx.Exec(ctx, `UPDATE bus.outbox SET refused_at = now(), refusal = $2 WHERE id = $1`, id, why.Error()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("relaying the outbox: %w", errors.Join(err, failed))
	}
	return sent, failed
}

// finishTimeout is how long a relay that is to end may take for what it has begun.
const finishTimeout = 5 * time.Second

// outlive gives a context that ends some time after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// next reads the oldest rows, but for those whose key waits for a refused event.
func (r *Relay) next(ctx context.Context, tx pgx.Tx) ([]waiting, error) {
	rows, err := tx.Query(ctx, `SELECT id, aggregatetype, aggregateid, coalesce(traceparent, ''), payload::text FROM bus.outbox o
		WHERE refused_at IS NULL AND NOT EXISTS (
			SELECT FROM bus.outbox e WHERE e.aggregatetype = o.aggregatetype AND e.aggregateid = o.aggregateid
			AND e.refused_at IS NOT NULL AND e.position < o.position)
		ORDER BY position LIMIT $1 FOR UPDATE OF o`, r.opts.Batch)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w waiting, err error) {
		var payload string
		err = row.Scan(&w.id, &w.topic, &w.key, &w.traceparent, &payload)
		w.payload = []byte(payload)
		return w, err
	})
}

// ship sends rows, a call for each topic. Where the cluster fails, what follows in
// the same partition is not sent, so that nothing overtakes.
func (r *Relay) ship(ctx context.Context, rows []waiting) (done []string, refused map[string]error, failed error) {
	refused = map[string]error{}
	byTopic := map[string][]waiting{}
	for _, row := range rows {
		byTopic[row.topic] = append(byTopic[row.topic], row)
	}
	var errs []error
	for topic, rows := range byTopic {
		var ids []string // of what is sent
		var messages []eventbus.Message
		unreadable := map[string]bool{} // keys whose later events wait
		for _, row := range rows {
			if unreadable[row.key] {
				continue
			}
			e, err := events.Parse(row.payload)
			if err != nil {
				refused[row.id], unreadable[row.key] = err, true
				continue
			}
			m := eventbus.Message{Event: e, Sequence: row.key}
			if row.traceparent != "" {
				m.Headers = []kafka.Header{{Name: events.HeaderTraceparent, Value: []byte(row.traceparent)}}
			}
			ids, messages = append(ids, row.id), append(messages, m)
		}
		found := eventbus.EventErrors(r.bus.ProduceMessages(ctx, topic, messages...))
		for i, id := range ids {
			switch err := found[i]; {
			case err == nil:
				done = append(done, id)
			case errors.Is(err, eventbus.ErrHeldBack): // waits in the table
			case hopeless(err):
				refused[id] = err.Err
			default:
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		failed = fmt.Errorf("%d events stay in the outbox: %w", len(errs), errs[0])
	}
	return done, refused, failed
}

// hopeless tells what trying again does not cure.
func hopeless(err error) bool {
	return errors.Is(err, events.ErrInvalid) || errors.Is(err, events.ErrUnknownType) || errors.Is(err, events.ErrUnknownMajor) ||
		errors.Is(err, eventbus.ErrWrongTopic) || errors.Is(err, eventbus.ErrTooLarge)
}

// Refused counts the events that are refused and those of their keys that wait for
// them.
func (r *Relay) Refused(ctx context.Context) (refused, held int, err error) {
	err = inTx(ctx, r.db, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE refused_at IS NOT NULL),
			count(*) FILTER (WHERE refused_at IS NULL AND EXISTS (
				SELECT FROM bus.outbox e WHERE e.aggregatetype = o.aggregatetype AND e.aggregateid = o.aggregateid
				AND e.refused_at IS NOT NULL AND e.position < o.position)) FROM bus.outbox o`).Scan(&refused, &held)
	})
	return refused, held, err
}
