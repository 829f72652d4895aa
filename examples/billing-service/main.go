// Command billing-service opens an account for each tenant, exactly once, and tells
// of it, with its own PostgreSQL database. KAFKA_BROKERS names the cluster,
// DATABASE_URL the database.
package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/pgbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func main() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err == nil {
		defer pool.Close()
		var service *app.App
		service, err = newService(ctx, pool, app.Options{
			Bus: eventbus.Options{Brokers: strings.Split(os.Getenv("KAFKA_BROKERS"), ","), Logger: slog.Default()},
		})
		if err == nil {
			err = service.Run(ctx)
		}
	}
	if err != nil {
		slog.Error("billing-service", "err", err)
		os.Exit(1) //nolint:gocritic // nothing is left to close but the pool
	}
}

// newService handles tenants' events once each and relays what the service says.
func newService(ctx context.Context, pool *pgxpool.Pool, o app.Options) (*app.App, error) {
	if err := pgbus.CreateTables(ctx, pool); err != nil {
		return nil, err
	}
	catalogue, err := events.NewCatalogue()
	if err != nil {
		return nil, err
	}
	a, err := app.Connect(ctx, "billing-service", o)
	if err != nil {
		return nil, err
	}
	accounts := &Accounts{outbox: pgbus.NewOutbox(catalogue)}
	router := &eventbus.Router{}
	router.On("tenant.created", pgbus.NewInbox(pool).Handler(accounts.TenantCreated))
	a.Subscribe("tenant.events", router.Handle, eventbus.Subscription{
		Group: "billing-service-tenant-consumer", FromBeginning: true,
	})
	a.Background("outbox", pgbus.NewRelay(pool, a.Bus(), pgbus.RelayOptions{}).Run)
	return a, nil
}
