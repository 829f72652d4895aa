package console

import (
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// EventType is the type of the event that a record holds, nil when it holds
// none: that of the header event-type, or ce_type of CloudEvents, else the member
// "type" of a value that is an envelope, which "dataVersion", or "specversion" of
// CloudEvents, tells. It is what the record says and need not be in any contract.
func EventType(r *kafka.Record) []byte {
	for _, name := range []string{"event-type", "ce_type"} {
		for _, h := range r.Headers {
			if h.Name == name && len(h.Value) > 0 {
				return h.Value
			}
		}
	}
	return envelopeType(r.Value)
}

func envelopeType(value []byte) []byte {
	if len(value) == 0 || value[0] != '{' {
		return nil
	}
	var s strictjson.Scanner
	s.Reset(value)
	var name []byte
	versioned := false
	more, err := s.OpenObject()
	for more && err == nil && !(versioned && name != nil) {
		var key []byte
		if key, err = s.Key(); err != nil {
			break
		}
		switch string(key) {
		case "type":
			name, err = stringOrNothing(&s)
		case "dataVersion", "specversion":
			var version []byte
			version, err = stringOrNothing(&s)
			versioned = version != nil
		default:
			err = s.Skip()
		}
		if err == nil {
			more, err = s.NextMember()
		}
	}
	if err != nil || !versioned {
		return nil
	}
	return name
}

// stringOrNothing reads a value; one that is no string, or empty, gives nil.
func stringOrNothing(s *strictjson.Scanner) ([]byte, error) {
	if s.Peek() != '"' {
		return nil, s.Skip()
	}
	text, err := s.Text()
	if err != nil || len(text.Bytes()) == 0 {
		return nil, err
	}
	return text.Bytes(), nil
}
