package pgbus

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

// TxBatchHandler does a service's work for consecutive events of one partition in
// a transaction, which is committed when it returns nil and rolled back otherwise.
type TxBatchHandler func(ctx context.Context, tx pgx.Tx, batch []eventbus.Delivery) error

// fencedTries is how often a batch is looked at anew when another consumer moved
// its partition's offset meanwhile.
const fencedTries = 3

// Handler runs h in one transaction for each batch and moves the group's offset in
// it, so that every event has its effects exactly once, at the price of one row a
// batch instead of one an event. Events that stand before the offset have had
// theirs and are left out. topicID, when not nil, tells the topic's id, such as
// [eventbus.Bus.TopicID]; without it a topic that is deleted and made again is
// taken for the old one, and its first events for known ones.
//
// It is for [eventbus.Bus.SubscribeBatch], where a batch is of one partition and in
// order. The offsets committed in Kafka stay behind those in the database, never
// ahead; a database that is restored from a backup wants the group's offsets moved
// back as well.
func (o *Offsets) Handler(topicID func(ctx context.Context, topic string) (string, error), h TxBatchHandler) eventbus.BatchHandler {
	return func(ctx context.Context, batch []eventbus.Delivery) error {
		if len(batch) == 0 {
			return nil
		}
		first := batch[0].Record
		p := Partition{Topic: first.Topic, Number: first.Partition}
		if topicID != nil {
			id, err := topicID(ctx, p.Topic)
			if err != nil {
				return fmt.Errorf("id of topic %s: %w", p.Topic, err)
			}
			p.TopicID = id
		}
		for try := 1; ; try++ {
			err := o.apply(ctx, p, batch, h)
			if !errors.Is(err, ErrFenced) || try == fencedTries {
				return err
			}
		}
	}
}

// apply handles what is left of a batch.
func (o *Offsets) apply(ctx context.Context, p Partition, batch []eventbus.Delivery, h TxBatchHandler) error {
	return inTx(ctx, o.db, func(tx pgx.Tx) error {
		next, err := o.next(ctx, tx, p)
		if err != nil {
			return err
		}
		left := batch
		for len(left) > 0 && left[0].Record.Offset < next {
			left = left[1:]
		}
		if len(left) == 0 {
			return nil
		}
		if err := h(ctx, tx, left); err != nil {
			return err
		}
		return o.move(ctx, tx, p, next, left[len(left)-1].Record.Offset+1)
	})
}
