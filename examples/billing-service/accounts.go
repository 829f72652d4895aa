package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/pgbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

// Accounts opens accounts.
type Accounts struct {
	outbox *pgbus.Outbox
}

// TenantCreated opens the tenant's account and tells of it, both or neither: the
// account, the note that the event was handled, and the event that tells of it are in
// one transaction.
func (a *Accounts) TenantCreated(ctx context.Context, tx pgx.Tx, e events.Event, _ eventbus.Record) error {
	var tenant payload.TenantCreated
	if err := e.Decode(&tenant); err != nil {
		return eventbus.Permanent(err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO accounts (tenant, email) VALUES ($1, $2)`, tenant.ID, tenant.BillingEmail); err != nil {
		return err
	}
	opened, err := events.New("analytics.metric_updated", "billing-service", payload.AnalyticsMetricUpdated{
		MetricName: "billing.accounts_opened", Value: 1, Timestamp: time.Now().UTC(),
	}, events.Options{TenantID: tenant.ID})
	if err != nil {
		return err
	}
	return a.outbox.Put(ctx, tx, opened)
}
