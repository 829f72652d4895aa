// Package payload has a struct for the data of each built-in event type, made
// from the schemas. Optional members are pointers, or empty where the empty
// value could never be valid. A required slice must not be nil, which would be
// written as null, and times must be in UTC: time.Now().UTC().
package payload
