package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/eventbustest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// outbox is a Mailer whose server is down at first.
type outbox struct {
	mu    sync.Mutex
	tries int
	sent  []string
}

func (o *outbox) Send(_ context.Context, to, text string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tries++; o.tries == 1 {
		return errMailServer
	}
	o.sent = append(o.sent, fmt.Sprintf("%s: %s", to, text))
	return nil
}

func (o *outbox) has(line string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.sent, line)
}

func TestService(t *testing.T) {
	t.Parallel()
	broker := eventbustest.Start(t)
	mail := &outbox{}
	service, err := newService(t.Context(), app.Options{Addr: "off", Bus: eventbus.Options{Brokers: []string{broker.Addr}}}, mail)
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
	eventbustest.Await(t, "both subscriptions", func() bool {
		groups := service.Bus().Health(t.Context()).Details.Groups
		return len(groups) == 2 && groups[0].Assigned == eventbustest.Partitions && groups[1].Assigned == eventbustest.Partitions
	})

	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	created, err := catalogue.Example("tenant.created", 1)
	if err != nil {
		t.Fatal(err)
	}
	suspended, err := catalogue.Example("tenant.suspended", 1)
	if err != nil {
		t.Fatal(err)
	}
	suspended.CorrelationID = "corr-1"
	if err := broker.Connect("tenant-service").ProduceBatch(t.Context(), "tenant.events", created, suspended); err != nil {
		t.Fatal(err)
	}
	var tenant payload.TenantCreated
	if err := created.Decode(&tenant); err != nil {
		t.Fatal(err)
	}
	eventbustest.Await(t, "the mail", func() bool { return mail.has(tenant.BillingEmail + ": Welcome, " + tenant.Name) })
	requested := broker.AwaitEvents("notification.events", 1)[0]
	if requested.CausationID != suspended.ID || requested.CorrelationID != "corr-1" {
		t.Errorf("the request is caused by %q in %q", requested.CausationID, requested.CorrelationID)
	}

	// A letter that can be mended, of a service that does not check its events.
	bad := strings.NewReplacer(tenant.BillingEmail, "billing at acme.com", created.ID, "bad-1").Replace(string(created.Encode()))
	broker.Write("tenant.events", kafka.Record{Key: []byte(tenant.ID), Value: []byte(bad)})
	broker.ExpectLetters("tenant.events", eventbustest.Want{EventID: "bad-1", Error: "no mail address", Attempts: 1})
	eventbustest.Await(t, "the mail after mending", func() bool { return mail.has("billing@acme.com: Welcome, " + tenant.Name) })
}
