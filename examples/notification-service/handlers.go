package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

// Mailer sends mail.
type Mailer interface {
	Send(ctx context.Context, to, text string) error
}

// errMailServer is a mail server that is down.
var errMailServer = errors.New("mail server does not answer")

// Notifications writes to tenants.
type Notifications struct {
	mail Mailer
	bus  *eventbus.Bus
}

// TenantCreated welcomes a new tenant.
func (n *Notifications) TenantCreated(ctx context.Context, e events.Event, _ eventbus.Record) error {
	var tenant payload.TenantCreated
	if err := e.Decode(&tenant); err != nil {
		return eventbus.Permanent(err) // no other try will read it
	}
	if !strings.Contains(tenant.BillingEmail, "@") {
		return eventbus.Permanent(fmt.Errorf("no mail address: %q", tenant.BillingEmail))
	}
	err := n.mail.Send(ctx, tenant.BillingEmail, "Welcome, "+tenant.Name)
	if errors.Is(err, errMailServer) {
		return eventbus.Unavailable(err) // not the event's fault: no try is burnt
	}
	return err // anything else is tried again after 200, 400 and 800 ms
}

// TenantSuspended asks another service to tell the tenant.
func (n *Notifications) TenantSuspended(ctx context.Context, e events.Event, _ eventbus.Record) error {
	var tenant payload.TenantSuspended
	if err := e.Decode(&tenant); err != nil {
		return eventbus.Permanent(err)
	}
	request, err := events.New("notification.email_requested", "notification-service", payload.NotificationEmailRequested{
		NotificationID:  "suspended-" + e.ID,
		TemplateID:      "tenant-suspended",
		RecipientUserID: tenant.ID,
	}, events.Options{})
	if err != nil {
		return err
	}
	// ctx makes the request a child of e: causationId and correlationId are set.
	return n.bus.Produce(ctx, "notification.events", request)
}

// DeadLetter looks at what could not be handled and mends what it can.
func (n *Notifications) DeadLetter(ctx context.Context, l eventbus.Letter) error {
	slog.Warn("dead letter", "event", l.Event.ID, "class", l.Class, "group", l.Group, "attempts", l.Attempts, "failure", l.Failure)
	if l.Undecodable != nil || l.Event.Type != "tenant.created" {
		return nil // somebody looks at it with manage-kafka dlq
	}
	var tenant payload.TenantCreated
	if err := l.Event.Decode(&tenant); err != nil || !strings.HasSuffix(tenant.BillingEmail, " at acme.com") {
		return nil
	}
	tenant.BillingEmail = strings.Replace(tenant.BillingEmail, " at ", "@", 1)
	mended, err := events.New("tenant.created", "notification-service", tenant, events.Options{})
	if err != nil {
		return err
	}
	return n.bus.Produce(ctx, "tenant.events", mended)
}

// logMailer writes that it sent mail, not to whom.
type logMailer struct{}

// Send implements Mailer.
func (logMailer) Send(context.Context, string, string) error {
	slog.Info("mail sent")
	return nil
}
