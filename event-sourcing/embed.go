// Package eventsourcing holds the SQL scripts of the event bus and the event
// store, so that programs can apply them without a checkout. By hand:
// psql -f event-sourcing/bus-tables.sql.
package eventsourcing

import "embed"

// BusTables names the script of the tables of pkg/eventbus/pgbus.
const BusTables = "bus-tables.sql"

// FS holds the scripts at its root, byte for byte as they are in the repository.
// Each may be applied again: what is there stays.
//
//go:embed *.sql
var FS embed.FS
