package pgbus

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// Outbox takes events in the transaction that they tell of, so that they are sent
// exactly when it is committed. [Relay] sends them, or Debezium's outbox event
// router, whose default columns the table has. It may be used by several
// goroutines at once.
type Outbox struct{ validator *events.Validator }

// NewOutbox takes events that the catalogue knows.
func NewOutbox(catalogue *events.Catalogue) *Outbox {
	return &Outbox{catalogue.Validator(events.ValidatorOptions{})}
}

// Put checks events as eventbus.Bus.Produce does and writes them into the outbox in
// tx; nothing is written when one is invalid, or has a key that PostgreSQL cannot
// hold: that is events.ErrInvalid, and tx can go on. Under a handler's context, or one of
// eventbus.WithParent, they become children of the event that is handled. The trace
// context of ctx is kept for when they are sent.
//
// Events of one key are sent in the order they were put in when their transactions
// follow one another, as those do that lock the same row of the service's own
// tables.
func (o *Outbox) Put(ctx context.Context, tx pgx.Tx, list ...events.Event) error {
	trace := eventbus.Traceparent(ctx)
	rows := make([][]any, len(list))
	for i, e := range list {
		e = eventbus.ChildOf(ctx, e)
		if err := e.Validate(); err != nil {
			return fmt.Errorf("event %q: %w", e.ID, err)
		}
		var r events.Record
		if err := o.validator.Record(e.Encode(), &r); err != nil {
			return fmt.Errorf("event %q: %w", e.ID, err)
		}
		if bytes.IndexByte(r.Key, 0) >= 0 {
			return fmt.Errorf("event %q: its key %q has a zero byte, which PostgreSQL's text cannot hold: %w", e.ID, r.Key, events.ErrInvalid)
		}
		rows[i] = []any{e.ID, r.Topic, string(r.Key), e.Type, string(r.Value), trace}
	}
	batch := &pgx.Batch{}
	for _, row := range rows {
		batch.Queue(`INSERT INTO bus.outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
			VALUES ($1, $2, $3, $4, $5, nullif($6, ''))`, row...)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing to the outbox: %w", err)
	}
	return nil
}
