package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// CloudEventsContentType is the content type of a record value in the
// structured mode of CloudEvents.
const CloudEventsContentType = "application/cloudevents+json"

// specVersion is the version of CloudEvents that is written and read.
const specVersion = "1.0"

// A CloudEvent is an event in the terms of CloudEvents 1.0, whose attribute
// names have only lower-case letters and digits.
type CloudEvent struct {
	// Attributes are id, source, type, time, datacontenttype, dataschema,
	// subject, partitionkey and the extensions dataversion, tenantid, userid,
	// correlationid and causationid, in that order; absent ones are left out.
	Attributes []Attribute
	// Data is the payload.
	Data json.RawMessage
}

// An Attribute is one context attribute of a CloudEvent.
type Attribute struct {
	Name, Value string
}

// Get returns an attribute's value, "" without one.
func (c CloudEvent) Get(name string) string {
	for _, a := range c.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// extraAttribute is the extension that carries the envelope's unknown members,
// whose names no attribute could have.
const extraAttribute = "envelopeextra"

// schemaURN is the "$id" of the schema that the data meets.
func schemaURN(e Event) string {
	return "urn:multi-tenant:event:" + e.Type + ":" + e.DataVersion
}

// ToCloudEvent writes an event in CloudEvents' terms; FromCloudEvent gives back
// an equal one. key is the record key: it becomes partitionkey, and subject too
// unless it is empty.
func ToCloudEvent(e Event, key string) CloudEvent {
	c := CloudEvent{Data: e.Data}
	add := func(name, value string) {
		if value != "" {
			c.Attributes = append(c.Attributes, Attribute{name, value})
		}
	}
	add("specversion", specVersion)
	add("id", e.ID)
	add("source", e.Source)
	add("type", e.Type)
	add("time", e.timeText())
	add("datacontenttype", e.DataContentType)
	add("dataschema", schemaURN(e))
	add("subject", key)
	add("partitionkey", key)
	add("dataversion", e.DataVersion)
	add("tenantid", e.TenantID)
	add("userid", e.UserID)
	add("correlationid", e.CorrelationID)
	add("causationid", e.CausationID)
	if len(e.Extra) > 0 {
		extra := []byte{'{'}
		for _, x := range e.Extra {
			extra = appendMember(extra, x.Name, x.Value)
		}
		add(extraAttribute, string(append(extra, '}')))
	}
	return c
}

// timeText keeps a time as it was read: with its offset and its digits.
func (e *Event) timeText() string {
	if e.read != nil && e.same(memberTime) {
		for _, f := range e.read.order {
			if f.member == memberTime {
				return unquote(f.value)
			}
		}
	}
	return e.text(memberTime)
}

// ErrNotCloudEvent is in the chain of errors about something that is no
// CloudEvent, or one that is no event of ours.
var ErrNotCloudEvent = errors.New("not a CloudEvent of this contract")

// FromCloudEvent reads what ToCloudEvent writes, and a foreign CloudEvent that
// has the attributes of an envelope: dataversion defaults to "1.0" and
// datacontenttype to ContentType. Attributes with no place in the envelope
// become unknown members of it. The envelope is checked as Parse does.
func FromCloudEvent(c CloudEvent) (Event, error) {
	if v := c.Get("specversion"); v != specVersion {
		return Event{}, fmt.Errorf("%w: specversion is %s, %s is read", ErrNotCloudEvent, quote(v), specVersion)
	}
	seen := map[string]bool{}
	value := [members]string{memberVersion: "1.0", memberContentType: ContentType}
	var extra []Member
	for _, a := range c.Attributes {
		if seen[a.Name] {
			return Event{}, fmt.Errorf("%w: attribute %s is there twice", ErrNotCloudEvent, quote(a.Name))
		}
		seen[a.Name] = true
		m := attributeMember(a.Name)
		switch {
		case m != memberOther:
			value[m] = a.Value
		case a.Name == extraAttribute:
			list, err := extras(a.Value)
			if err != nil {
				return Event{}, fmt.Errorf("%w: %s: %w", ErrNotCloudEvent, extraAttribute, err)
			}
			extra = append(list, extra...)
		case derived(a, c):
		default:
			extra = append(extra, Member{a.Name, strictjson.AppendString(nil, a.Value)})
		}
	}
	dst := []byte{'{'}
	for m, name := range memberNames() {
		if member(m) == memberData {
			dst = appendMember(dst, name, dataOrNull(c.Data))
		} else if value[m] != "" || member(m) < firstOptional {
			dst = appendMember(dst, name, strictjson.AppendString(nil, value[m]))
		}
	}
	for _, x := range extra {
		dst = appendMember(dst, x.Name, x.Value)
	}
	return Parse(append(dst, '}'))
}

func attributeMember(name string) member {
	switch name {
	case "dataversion":
		return memberVersion
	case "datacontenttype":
		return memberContentType
	case "tenantid":
		return memberTenant
	case "correlationid":
		return memberCorrelation
	case "causationid":
		return memberCausation
	case "userid":
		return memberUser
	case "id", "type", "source", "time":
		return memberOf([]byte(name))
	}
	return memberOther
}

// derived reports whether an attribute only repeats what the event and its key
// say.
func derived(a Attribute, c CloudEvent) bool {
	switch a.Name {
	case "specversion", "partitionkey":
		return true
	case "subject":
		return a.Value == c.Get("partitionkey")
	case "dataschema":
		version := c.Get("dataversion")
		return a.Value == schemaURN(Event{Type: c.Get("type"), DataVersion: version})
	}
	return false
}

func extras(text string) ([]Member, error) {
	var (
		s    strictjson.Scanner
		list []Member
	)
	s.Reset([]byte(text))
	more, err := s.OpenObject()
	for more && err == nil {
		var name, value []byte
		if name, err = s.Key(); err != nil {
			break
		}
		if value, err = s.Value(); err != nil {
			break
		}
		list = append(list, Member{string(name), slices.Clone(value)})
		more, err = s.NextMember()
	}
	if err != nil {
		return nil, err
	}
	return list, s.End()
}

// Structured returns the record value of the structured mode: one JSON object,
// to be sent with the header content-type CloudEventsContentType.
func (c CloudEvent) Structured() []byte {
	dst := []byte{'{'}
	for _, a := range c.Attributes {
		dst = appendMember(dst, a.Name, strictjson.AppendString(nil, a.Value))
	}
	return append(appendMember(dst, "data", dataOrNull(c.Data)), '}')
}

// ParseStructured reads a record value of the structured mode. Attributes must
// be strings, numbers or booleans; data must be there and be JSON.
func ParseStructured(value []byte) (CloudEvent, error) {
	var (
		s strictjson.Scanner
		c CloudEvent
	)
	s.Reset(value)
	more, err := s.OpenObject()
	for more && err == nil {
		var name, raw []byte
		if name, err = s.Key(); err != nil {
			break
		}
		if raw, err = s.Value(); err != nil {
			break
		}
		if string(name) == "data" {
			c.Data = raw
		} else if err := c.attribute(string(name), raw); err != nil {
			return CloudEvent{}, err
		}
		more, err = s.NextMember()
	}
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return CloudEvent{}, fmt.Errorf("%w: %w", ErrNotCloudEvent, err)
	}
	if c.Data == nil {
		return CloudEvent{}, fmt.Errorf("%w: it has no data (data_base64 is not read)", ErrNotCloudEvent)
	}
	return c, nil
}

func (c *CloudEvent) attribute(name string, raw []byte) error {
	switch raw[0] {
	case '"':
		c.Attributes = append(c.Attributes, Attribute{name, unquote(raw)})
	case '{', '[':
		return fmt.Errorf("%w: attribute %s is neither text, number nor boolean", ErrNotCloudEvent, quote(name))
	case 'n':
		// null stands for an absent attribute
	default:
		c.Attributes = append(c.Attributes, Attribute{name, string(raw)})
	}
	return nil
}

// headerPrefix begins the header of an attribute in the binary mode.
const headerPrefix = "ce_"

// Binary returns the record value and headers of the binary mode: the value is
// the data, every attribute a header ce_<name>, but datacontenttype, which is
// the header content-type.
func (c CloudEvent) Binary() ([]byte, []Header) {
	var headers []Header
	for _, a := range c.Attributes {
		name := headerPrefix + a.Name
		if a.Name == "datacontenttype" {
			name = HeaderContentType
		}
		headers = append(headers, Header{name, []byte(a.Value)})
	}
	return dataOrNull(c.Data), headers
}

// ParseBinary reads a record of the binary mode; headers that are no attributes
// are passed over.
func ParseBinary(value []byte, headers []Header) (CloudEvent, error) {
	c := CloudEvent{Data: value}
	for _, h := range headers {
		if name, ok := strings.CutPrefix(h.Name, headerPrefix); ok {
			c.Attributes = append(c.Attributes, Attribute{name, string(h.Value)})
		} else if h.Name == HeaderContentType {
			c.Attributes = append(c.Attributes, Attribute{"datacontenttype", string(h.Value)})
		}
	}
	if err := strictjson.Check(value); err != nil {
		return CloudEvent{}, fmt.Errorf("%w: data: %w", ErrNotCloudEvent, err)
	}
	return c, nil
}
