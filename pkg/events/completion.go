package events

import (
	"bytes"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A Completion fills in what a caller left out of an event: an object with no
// member of the envelope but type, data, tenantId, userId, correlationId and
// causationId. Anything with one of the others is an envelope already and stays
// as it is, to be judged as such.
type Completion struct {
	// Catalogue gives dataVersion: the type's newest; "1.0" for an unknown one.
	Catalogue *Catalogue
	// Source is the service that makes the events.
	Source string
	// Type, TenantID, UserID, CorrelationID and CausationID, where they are set,
	// stand for members that are absent.
	Type, TenantID, UserID, CorrelationID, CausationID string
	// Now and NewID default to time.Now and NewID. Both may be called by several
	// goroutines at once.
	Now   func() time.Time
	NewID func() (string, error)
}

// Complete returns raw, or the envelope made of it, in which the bytes of all
// members that were there are kept. What is no JSON object is returned as it
// is. It may be called by several goroutines at once; the error is NewID's.
func (c *Completion) Complete(raw []byte) ([]byte, error) {
	if isEnvelope(raw) {
		return raw, nil
	}
	var (
		s strictjson.Scanner
		h head
	)
	s.Reset(raw)
	if err := h.scan(&s, true, s.Skip); err != nil || len(h.failures) > 0 && h.failures[0].Pointer == "" {
		return raw, nil // for the validator to explain
	}
	newID, now := c.NewID, c.Now
	if newID == nil {
		newID = NewID
	}
	if now == nil {
		now = time.Now
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	fill := [members]string{
		memberID: id, memberSource: c.Source, memberTime: formatTime(now().Truncate(time.Millisecond)), memberContentType: ContentType,
		memberType: c.Type, memberTenant: c.TenantID, memberUser: c.UserID, memberCorrelation: c.CorrelationID, memberCausation: c.CausationID,
	}
	if h.has(memberType) {
		fill[memberType] = string(h.text[memberType])
	}
	fill[memberVersion] = c.version(fill[memberType])
	return h.filled(fill, len(raw)), nil
}

// isEnvelope tells whether an object has a member that only an envelope has. It
// mostly is the first.
func isEnvelope(raw []byte) bool {
	if bytes.HasPrefix(raw, []byte(`{"id":`)) {
		return true
	}
	var s strictjson.Scanner
	s.Reset(raw)
	for more, err := s.OpenObject(); more && err == nil; more, err = s.NextMember() {
		name, err := s.NewKey()
		if err != nil {
			return false
		}
		switch memberOf(name) {
		case memberID, memberSource, memberTime, memberVersion, memberContentType:
			return true
		}
		if s.Skip() != nil {
			return false
		}
	}
	return false
}

func (c *Completion) version(name string) string {
	if c.Catalogue != nil {
		if t, err := c.Catalogue.Lookup(name); err == nil {
			return t.Version
		}
	}
	return "1.0"
}

// filled writes an envelope in the usual order, then the unknown members.
func (h *head) filled(fill [members]string, size int) []byte {
	var have [members]field
	for _, f := range h.order {
		if f.member != memberOther {
			have[f.member] = f
		}
	}
	dst := append(make([]byte, 0, size+256), '{')
	for m, name := range memberNames() {
		switch {
		case have[m].name != nil:
			dst = appendRaw(dst, have[m].name, have[m].value)
		case fill[m] != "":
			dst = appendMember(dst, name, strictjson.AppendString(nil, fill[m]))
		}
	}
	for _, f := range h.order {
		if f.member == memberOther {
			dst = appendRaw(dst, f.name, f.value)
		}
	}
	return append(dst, '}')
}
