package main

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/eventbustest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/postgres"
)

func TestService(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), postgres.Start(t, postgres.Options{}).Database())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "CREATE TABLE accounts (tenant text, email text)"); err != nil {
		t.Fatal(err)
	}
	broker := eventbustest.Start(t)
	service, err := newService(t.Context(), pool, app.Options{Addr: "off", Bus: eventbus.Options{Brokers: []string{broker.Addr}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := service.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()

	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	created, err := catalogue.Example("tenant.created", 1)
	if err != nil {
		t.Fatal(err)
	}
	twice := kafka.Record{Key: []byte("a"), Value: created.Encode()}
	broker.Write("tenant.events", twice, twice)
	broker.AwaitDone("billing-service-tenant-consumer", "tenant.events")
	told := broker.AwaitEvents("analytics.events", 1)
	var accounts int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM accounts").Scan(&accounts); err != nil {
		t.Fatal(err)
	}
	if accounts != 1 || len(told) != 1 || told[0].CausationID != created.ID {
		t.Errorf("%d accounts, %d events, caused by %q", accounts, len(told), told[0].CausationID)
	}
	broker.ExpectNoLetters("tenant.events")
}
