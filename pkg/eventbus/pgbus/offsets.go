package pgbus

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrFenced says that somebody else moved a partition's offset since it was read:
// after a rebalance the former owner of the partition may still be at work. The
// transaction is rolled back; reading the offset anew tells what is left to do.
var ErrFenced = errors.New("fenced: another consumer has moved the offset")

// Partition names a partition of one topic. TopicID is the topic's id (KIP-516),
// which changes when the topic is deleted and made again; "" where the brokers
// have none.
type Partition struct {
	Topic   string
	TopicID string
	Number  int32
}

// Offsets keeps a group's offsets in the database that its effects go to, so
// that both change in one transaction: every record has its effect exactly once.
// It may be used by several goroutines at once.
type Offsets struct {
	db    Database
	group string
}

// NewOffsets keeps the offsets of a group.
func NewOffsets(db Database, group string) *Offsets { return &Offsets{db: db, group: group} }

// Next is the offset of the first record that has had no effect yet; -1 where the
// group has none of the partition, so that consuming starts where it is told to.
func (o *Offsets) Next(ctx context.Context, p Partition) (int64, error) {
	var next int64
	err := inTx(ctx, o.db, func(tx pgx.Tx) (err error) {
		next, err = o.next(ctx, tx, p)
		return err
	})
	return next, err
}

func (o *Offsets) next(ctx context.Context, tx pgx.Tx, p Partition) (int64, error) {
	var next int64
	err := tx.QueryRow(ctx, `SELECT next_offset FROM bus.consumer_offsets
		WHERE consumer_group = $1 AND topic = $2 AND topic_id = $3 AND part = $4`,
		o.group, p.Topic, p.TopicID, p.Number).Scan(&next)
	if errors.Is(err, pgx.ErrNoRows) {
		return -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("offset of %s/%d: %w", p.Topic, p.Number, err)
	}
	return next, nil
}

// Advance runs f in a transaction and moves the offset from expected, as
// [Offsets.Next] gave it, to next in the same transaction: a compare-and-set. It
// reports [ErrFenced] when the offset is another by then; f's effects are rolled
// back.
func (o *Offsets) Advance(ctx context.Context, p Partition, expected, next int64, f func(tx pgx.Tx) error) error {
	if next <= expected {
		return fmt.Errorf("offset of %s/%d: %d does not come after %d", p.Topic, p.Number, next, expected)
	}
	return inTx(ctx, o.db, func(tx pgx.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return o.move(ctx, tx, p, expected, next)
	})
}

func (o *Offsets) move(ctx context.Context, tx pgx.Tx, p Partition, expected, next int64) error {
	// A writer of the same row that has not ended is waited for; what it committed
	// is seen then, because each statement of READ COMMITTED looks anew.
	update, args := `UPDATE bus.consumer_offsets SET next_offset = $5, updated_at = now()
		WHERE consumer_group = $1 AND topic = $2 AND topic_id = $3 AND part = $4 AND next_offset = $6`,
		[]any{o.group, p.Topic, p.TopicID, p.Number, next, expected}
	if expected < 0 {
		update, args = `INSERT INTO bus.consumer_offsets (consumer_group, topic, topic_id, part, next_offset)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, args[:5]
	}
	done, err := tx.Exec(ctx, update, args...)
	if err != nil {
		return fmt.Errorf("offset of %s/%d: %w", p.Topic, p.Number, err)
	}
	if done.RowsAffected() == 0 {
		return fmt.Errorf("%s/%d from %d to %d: %w", p.Topic, p.Number, expected, next, ErrFenced)
	}
	return nil
}
