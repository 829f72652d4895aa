package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// ContentType is the dataContentType of every event whose data is plain JSON,
// and the content type of the record value.
const ContentType = "application/json"

// An Event is one envelope with its payload. Optional members are "" when
// absent. Copies are independent in every member but share Data's and Extra's
// memory.
type Event struct {
	// ID identifies the event: 1 to 128 characters. Consumers take two events
	// of one id for the same event.
	ID string
	// Type is a name such as tenant.created.
	Type string
	// Source is the service that made the event.
	Source string
	// Time is when the event was made.
	Time time.Time
	// DataVersion is the version of the type's schema, "MAJOR.MINOR".
	DataVersion string
	// DataContentType is ContentType or another JSON media type.
	DataContentType string

	// TenantID, CorrelationID, CausationID and UserID are optional.
	TenantID      string
	CorrelationID string
	CausationID   string
	UserID        string

	// Data is the payload.
	Data json.RawMessage
	// Extra holds the members that are not the envelope's own, in order.
	Extra []Member

	read *reading
}

// A Member is a member of the envelope that this package does not know.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Options are what New takes from its caller; the zero value is good.
type Options struct {
	// ID, Time and DataVersion default to NewID, time.Now and "1.0".
	ID          string
	Time        time.Time
	DataVersion string

	TenantID      string
	UserID        string
	CorrelationID string
	CausationID   string
}

// New makes an event of type name from source whose data is what json.Marshal
// makes of data; a json.RawMessage keeps its bytes. Nothing is validated: that
// is the Catalogue's part.
func New(name, source string, data any, o Options) (Event, error) {
	raw, ok := data.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(data); err != nil {
			return Event{}, fmt.Errorf("data of %s: %w", name, err)
		}
	}
	e := Event{
		ID: o.ID, Type: name, Source: source, Time: o.Time, DataVersion: o.DataVersion, DataContentType: ContentType,
		TenantID: o.TenantID, UserID: o.UserID, CorrelationID: o.CorrelationID, CausationID: o.CausationID, Data: raw,
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC().Truncate(time.Millisecond)
	}
	if e.DataVersion == "" {
		e.DataVersion = "1.0"
	}
	if e.ID == "" {
		id, err := NewID()
		if err != nil {
			return Event{}, err
		}
		e.ID = id
	}
	return e, nil
}

// CausedBy returns e as a child of parent: caused by it, in the same
// correlation, which the parent's id starts where it had none. Tenant and user
// are taken over where e has none.
func (e Event) CausedBy(parent Event) Event {
	e.CausationID = parent.ID
	e.CorrelationID = parent.CorrelationID
	if e.CorrelationID == "" {
		e.CorrelationID = parent.ID
	}
	if e.TenantID == "" {
		e.TenantID = parent.TenantID
	}
	if e.UserID == "" {
		e.UserID = parent.UserID
	}
	return e
}

// Decode reads the data into v as json.Unmarshal does.
func (e Event) Decode(v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("data of %s %s: %w", e.Type, quote(e.ID), err)
	}
	return nil
}
