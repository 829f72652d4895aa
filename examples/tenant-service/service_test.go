package main

import (
	"errors"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus/eventbustest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

func TestRun(t *testing.T) {
	t.Parallel()
	broker := eventbustest.Start(t)
	if err := run(t.Context(), []string{broker.Addr}); err != nil {
		t.Fatal(err)
	}
	list := broker.Events("tenant.events")
	if len(list) != 1 || list[0].Type != "tenant.created" {
		t.Fatalf("events %+v", list)
	}
	var data payload.TenantCreated
	if err := list[0].Decode(&data); err != nil || data.Name != "Acme Corporation" {
		t.Errorf("data %+v, %v", data, err)
	}
}

func TestSuspendAll(t *testing.T) {
	t.Parallel()
	broker := eventbustest.Start(t)
	service := &TenantService{bus: broker.Connect("tenant-service")}
	failed, err := service.SuspendAll(t.Context(), []string{"a", "b"}, "payment_overdue")
	if err != nil || len(failed) != 0 {
		t.Errorf("failed %v, %v", failed, err)
	}
	failed, err = service.SuspendAll(t.Context(), []string{"a", "b"}, "no such reason")
	if !errors.Is(err, events.ErrInvalid) || len(failed) != 2 {
		t.Errorf("failed %v, %v", failed, err)
	}
	if list := broker.Events("tenant.events"); len(list) != 2 {
		t.Errorf("%d events", len(list))
	}
}
