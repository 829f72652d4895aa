package events

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A reading is what Parse saw: the text, its members and the event they made.
type reading struct {
	raw    []byte
	order  []field
	parsed Event
}

// Parse reads one envelope and checks it, but not its data: any type is fine.
// Everything that is wrong is in the *InvalidError. The event keeps raw, which
// must not be changed afterwards: Encode gives back the same bytes as long as
// no member was changed.
func Parse(raw []byte) (Event, error) {
	var (
		s strictjson.Scanner
		h head
	)
	s.Reset(raw)
	if err := h.scan(&s, true, s.Skip); err != nil {
		return Event{}, syntax(err)
	}
	h.check()
	if err := invalid(h.failures); err != nil {
		return Event{}, err
	}
	return h.event(raw)
}

func syntax(err error) error {
	return &InvalidError{[]Failure{{Message: err.Error()}}}
}

func (h *head) event(raw []byte) (Event, error) {
	at, err := parseTime(string(h.text[memberTime]))
	if err != nil {
		return Event{}, syntax(err)
	}
	text := func(m member) string {
		if !h.has(m) {
			return ""
		}
		return string(h.text[m])
	}
	e := Event{
		ID: text(memberID), Type: text(memberType), Source: text(memberSource), Time: at,
		DataVersion: text(memberVersion), DataContentType: text(memberContentType),
		TenantID: text(memberTenant), CorrelationID: text(memberCorrelation),
		CausationID: text(memberCausation), UserID: text(memberUser), Data: h.data,
	}
	for _, f := range h.order {
		if f.member == memberOther {
			e.Extra = append(e.Extra, Member{unquote(f.name), f.value})
		}
	}
	e.read = &reading{raw, h.order, e}
	return e, nil
}

func unquote(name []byte) string {
	v, _ := strictjson.Decode(name)
	s, _ := v.(string)
	return s
}

// text returns a member as it is written, "" when it is absent.
func (e *Event) text(m member) string {
	switch m {
	case memberID:
		return e.ID
	case memberType:
		return e.Type
	case memberSource:
		return e.Source
	case memberTime:
		return formatTime(e.Time)
	case memberVersion:
		return e.DataVersion
	case memberContentType:
		return e.DataContentType
	case memberTenant:
		return e.TenantID
	case memberCorrelation:
		return e.CorrelationID
	case memberCausation:
		return e.CausationID
	case memberUser:
		return e.UserID
	}
	return ""
}

// same reports whether member m is what Parse read.
func (e *Event) same(m member) bool {
	was := &e.read.parsed
	switch m {
	case memberTime:
		return e.Time.Equal(was.Time)
	case memberData:
		return bytes.Equal(e.Data, was.Data)
	}
	return e.text(m) == was.text(m)
}

func (e *Event) unchanged() bool {
	if e.read == nil {
		return false
	}
	for m := range members {
		if !e.same(m) {
			return false
		}
	}
	return slices.EqualFunc(e.Extra, e.read.parsed.Extra, equalMembers)
}

func equalMembers(a, b Member) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) }

// Encode returns the event as JSON. One that came from Parse keeps its bytes:
// all of them when nothing was changed, else those of every member that was
// not. The result must not be changed.
func (e Event) Encode() []byte {
	if e.unchanged() {
		return e.read.raw
	}
	dst := make([]byte, 0, 512+len(e.Data))
	dst = append(dst, '{')
	dst = e.appendRead(dst)
	for m := range members {
		if e.read != nil && e.read.has(m) {
			continue
		}
		if m == memberData {
			dst = appendMember(dst, "data", dataOrNull(e.Data))
		} else if text := e.text(m); text != "" || m < firstOptional {
			dst = strictjson.AppendString(appendName(dst, memberNames()[m]), text)
		}
	}
	for _, x := range e.Extra {
		if e.read == nil || !e.read.hasExtra(x.Name) {
			dst = appendMember(dst, x.Name, x.Value)
		}
	}
	return append(dst, '}')
}

// appendRead writes the members that were read, in their order: with their
// bytes when they are the same, with the new value when not, and not at all
// when they are gone.
func (e *Event) appendRead(dst []byte) []byte {
	if e.read == nil {
		return dst
	}
	for _, f := range e.read.order {
		value := f.value
		switch {
		case f.member == memberOther:
			i := slices.IndexFunc(e.Extra, func(x Member) bool { return x.Name == unquote(f.name) })
			if i < 0 {
				continue
			}
			value = e.Extra[i].Value
		case e.same(f.member):
		case f.member == memberData:
			value = dataOrNull(e.Data)
		default:
			text := e.text(f.member)
			if text == "" && f.member >= firstOptional {
				continue
			}
			value = strictjson.AppendString(nil, text)
		}
		dst = appendRaw(dst, f.name, value)
	}
	return dst
}

func (r *reading) has(m member) bool {
	return slices.ContainsFunc(r.order, func(f field) bool { return f.member == m })
}

func (r *reading) hasExtra(name string) bool {
	return slices.ContainsFunc(r.parsed.Extra, func(x Member) bool { return x.Name == name })
}

func dataOrNull(data []byte) []byte {
	if len(data) == 0 {
		return []byte("null")
	}
	return data
}

func appendMember(dst []byte, name string, value []byte) []byte {
	return append(appendName(dst, name), value...)
}

// appendName begins a member, up to its value.
func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(strictjson.AppendString(dst, name), ':')
}

func appendRaw(dst, quoted, value []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, quoted...), ':'), value...)
}

// MarshalJSON is Encode for encoding/json, which then compacts the text: who
// needs the bytes as they were read calls Encode.
func (e Event) MarshalJSON() ([]byte, error) { return e.Encode(), nil }

// UnmarshalJSON is Parse for encoding/json; it keeps a copy of raw.
func (e *Event) UnmarshalJSON(raw []byte) error {
	read, err := Parse(bytes.Clone(raw))
	if err != nil {
		return err
	}
	*e = read
	return nil
}

// Validate checks the envelope of an event that was made or changed in Go, and
// that its data is JSON, but not the data itself. The error is an *InvalidError.
func (e Event) Validate() error {
	var h head
	for m := range memberData {
		if text := e.text(m); text != "" || m < firstOptional {
			h.set |= 1 << m
			h.text[m] = []byte(text)
		}
	}
	if year := e.Time.UTC().Year(); year < 0 || year > 9999 {
		h.fail("/time", "is outside the years 0 to 9999")
	}
	h.set |= 1 << memberData
	if err := strictjson.Check(e.Data); err != nil {
		h.fail("/data", err.Error())
	}
	h.check()
	for _, x := range e.Extra {
		if memberOf([]byte(x.Name)) != memberOther || strictjson.Check(x.Value) != nil {
			h.fail("/"+schema.EscapePointer(x.Name), "is no extra member with a JSON value")
		}
	}
	return invalid(h.failures)
}

func itoa(n int) string { return strconv.Itoa(n) }
