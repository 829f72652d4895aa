package events_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/payload"
)

func ExampleCatalogue_Record() {
	catalogue, err := events.NewCatalogue()
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := events.New(events.TenantActivated, "tenant-service", payload.TenantActivated{
		ID: "tenant-1", ActivatedAt: time.Date(2026, 1, 5, 9, 30, 0, 0, time.UTC),
	}, events.Options{ID: "event-1", TenantID: "tenant-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	record, err := catalogue.Record(event)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s %s\n", record.Topic, record.Key, record.Header(events.HeaderID))
	// Output: tenant.events tenant-1 event-1
}

func ExampleInvalidError() {
	catalogue, err := events.NewCatalogue()
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := events.New(events.UserCreated, "", json.RawMessage(`{"id":"u1","email":"nope","roles":[],"status":"new","authProvider":"sso"}`), events.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	event.ID = ""
	fmt.Println(catalogue.Validator(events.ValidatorOptions{}).Check(event.Encode()))
	// Output:
	// /data/email: "nope" is not a valid email
	// /data/status: "new" is not one of "active", "invited"
	// /id: must not be empty
	// /source: must not be empty
}
