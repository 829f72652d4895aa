package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

// Tenant is what the service knows of a tenant.
type Tenant struct {
	ID, Name, Schema, PackageID, BillingEmail string
	Modules                                   []string
}

// TenantService creates and suspends tenants.
type TenantService struct {
	bus *eventbus.Bus
}

// Create tells everybody of a new tenant.
func (s *TenantService) Create(ctx context.Context, t Tenant) error {
	event, err := events.New("tenant.created", "tenant-service", payload.TenantCreated{
		ID:                    t.ID,
		Name:                  t.Name,
		SchemaName:            t.Schema,
		PackageID:             t.PackageID,
		BillingEmail:          t.BillingEmail,
		SubscriptionStartDate: time.Now().UTC(),
		InitialModules:        t.Modules,
	}, events.Options{})
	if err != nil {
		return err
	}
	return s.bus.Produce(ctx, "tenant.events", event)
}

// SuspendAll tells of many tenants at once and says which of them nobody heard of.
func (s *TenantService) SuspendAll(ctx context.Context, ids []string, reason string) (failed []string, err error) {
	list := make([]events.Event, len(ids))
	for i, id := range ids {
		list[i], err = events.New("tenant.suspended", "tenant-service", payload.TenantSuspended{
			ID: id, SuspendedAt: time.Now().UTC(), Reason: payload.TenantSuspendedReason(reason),
		}, events.Options{})
		if err != nil {
			return ids, err
		}
	}
	err = s.bus.ProduceBatch(ctx, "tenant.events", list...)
	for i := range eventbus.EventErrors(err) {
		failed = append(failed, ids[i])
	}
	switch {
	case errors.Is(err, events.ErrInvalid):
		return failed, fmt.Errorf("a bug of ours: %w", err)
	case errors.Is(err, eventbus.ErrBreakerOpen):
		return failed, fmt.Errorf("the cluster is away, try again later: %w", err)
	}
	return failed, err
}
