package pgbus

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// TxHandler does a service's work for one event in a transaction, which is
// committed when it returns nil and rolled back otherwise.
type TxHandler func(ctx context.Context, tx pgx.Tx, e events.Event, r eventbus.Record) error

// Inbox makes the effects of a handler happen once, however often its event
// comes: the event's id is noted for the record's group in the transaction of the
// handler, and an event whose id stands there is skipped. Two consumers that have
// the same event at once, as after a rebalance, wait for each other in the
// database. It may be used by several goroutines at once.
type Inbox struct{ db Database }

// NewInbox notes events in db.
func NewInbox(db Database) *Inbox { return &Inbox{db} }

// Handler runs h in a transaction for each event that the group has not dealt
// with. An event that it has is eventbus.ErrSkip, which the bus counts as skipped.
// A transaction whose commit failed may have been committed all the same; the next
// try of the event finds out.
func (in *Inbox) Handler(h TxHandler) eventbus.Handler {
	return func(ctx context.Context, e events.Event, r eventbus.Record) error {
		return inTx(ctx, in.db, func(tx pgx.Tx) error {
			// Waits for another transaction that notes the same event.
			done, err := tx.Exec(ctx, `INSERT INTO bus.inbox (consumer_group, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, r.Group, e.ID)
			if err != nil {
				return fmt.Errorf("noting the event in the inbox: %w", err)
			}
			if done.RowsAffected() == 0 {
				return eventbus.ErrSkip
			}
			return h(ctx, tx, e, r)
		})
	}
}

type txKey struct{}

// Middleware is [Inbox.Handler] for handlers that take the transaction from their
// context, see [Tx].
func (in *Inbox) Middleware(next eventbus.Handler) eventbus.Handler {
	return in.Handler(func(ctx context.Context, tx pgx.Tx, e events.Event, r eventbus.Record) error {
		return next(context.WithValue(ctx, txKey{}, tx), e, r)
	})
}

// Tx returns the transaction of a handler under [Inbox.Middleware], nil
// elsewhere.
func Tx(ctx context.Context) pgx.Tx {
	tx, ok := ctx.Value(txKey{}).(pgx.Tx)
	if !ok {
		return nil
	}
	return tx
}

// Prune forgets events that were dealt with longer than keep ago, and says how
// many. keep has to be longer than the topic's retention and the age of the oldest
// dead letter that may still be replayed: what is forgotten has its effects again.
func (in *Inbox) Prune(ctx context.Context, keep time.Duration) (int64, error) {
	var n int64
	err := inTx(ctx, in.db, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM bus.inbox WHERE processed_at < now() - make_interval(secs => $1)`, keep.Seconds())
		if err != nil {
			return fmt.Errorf("pruning the inbox: %w", err)
		}
		n = done.RowsAffected()
		return nil
	})
	return n, err
}
