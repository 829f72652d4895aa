// Package pgbus keeps a service's dealings with the event bus in its own
// PostgreSQL database, in the transactions of its own work:
//
//   - [Inbox] skips an event that the group has dealt with already;
//   - [Offsets] keeps the group's offsets beside the effects of its records, by
//     compare-and-set, so that a consumer that lost its partition changes nothing;
//   - [Outbox] takes events in the transaction that they tell of, and [Relay]
//     sends them.
//
// The tables are those of event-sourcing/bus-tables.sql, which [CreateTables]
// applies.
package pgbus

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	eventsourcing "github.com/multi-tenant/manage-kafka/event-sourcing"
)

// Database begins transactions: a [pgxpool.Pool], or one connection for a program
// that does one thing at a time.
type Database interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

var (
	_ Database = (*pgxpool.Pool)(nil)
	_ Database = (*pgx.Conn)(nil)
)

// CreateTables makes the schema bus and its tables; what is there stays. The
// database user needs the right to create a schema, so many services leave this to
// their migrations: the script is event-sourcing/bus-tables.sql.
func CreateTables(ctx context.Context, pool *pgxpool.Pool) error {
	script, err := eventsourcing.FS.ReadFile(eventsourcing.BusTables)
	if err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("creating the tables of the bus: %w", err)
	}
	defer conn.Release()
	// Several statements at once go by the simple protocol alone.
	if _, err := conn.Conn().PgConn().Exec(ctx, string(script)).ReadAll(); err != nil {
		return fmt.Errorf("creating the tables of the bus: %w", err)
	}
	return nil
}

// rollbackTimeout bounds how long a failed transaction keeps its handler.
const rollbackTimeout = 5 * time.Second

// inTx runs f in a transaction and commits it; when f fails or panics it is
// rolled back.
func inTx(ctx context.Context, db Database, f func(pgx.Tx) error) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer rollBack(ctx, tx)
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// rollBack ends a transaction that was not committed. ctx may be why, so it does
// not count. Where the rollback fails the connection is broken, and the server
// rolls back what it had begun: nothing is left to say.
func rollBack(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx)
}
