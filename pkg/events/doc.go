// Package events is the contract of the events that services exchange: one
// envelope, 35 built-in types with a JSON Schema each, the topic and key every
// type goes to, and a catalogue that takes a project's own types beside them.
//
//	catalogue, err := events.NewCatalogue()
//	event, err := events.New(events.TenantCreated, "tenant-service", data)
//	record, err := catalogue.Record(event) // validated: topic, key, headers, value
//
// The package prints nothing, talks to no broker and reads no file: schemas of
// one's own are handed in as bytes.
package events

//go:generate go run ./internal/eventgen/registry
//go:generate go run ./internal/eventgen/exports
