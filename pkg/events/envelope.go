package events

import (
	"bytes"
	"mime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// member numbers the members of the envelope in the order they are written.
type member int

const (
	memberID member = iota
	memberType
	memberSource
	memberTime
	memberVersion
	memberContentType
	memberTenant
	memberCorrelation
	memberCausation
	memberUser
	memberData
	members
	memberOther member = -1

	// firstOptional and memberData enclose the optional members.
	firstOptional = memberTenant

	maxID   = 128
	maxText = 1024
)

func memberNames() [members]string {
	return [members]string{"id", "type", "source", "time", "dataVersion", "dataContentType",
		"tenantId", "correlationId", "causationId", "userId", "data"}
}

func memberOf(name []byte) member {
	switch string(name) {
	case "id":
		return memberID
	case "type":
		return memberType
	case "source":
		return memberSource
	case "time":
		return memberTime
	case "dataVersion":
		return memberVersion
	case "dataContentType":
		return memberContentType
	case "tenantId":
		return memberTenant
	case "correlationId":
		return memberCorrelation
	case "causationId":
		return memberCausation
	case "userId":
		return memberUser
	case "data":
		return memberData
	}
	return memberOther
}

// A head is what one pass over an envelope finds. Only what set names is
// there: the arrays are not cleared between two events.
type head struct {
	set      uint
	text     [members][]byte
	plain    uint
	data     []byte
	order    []field
	failures []Failure
}

// A field is one member as it stands in the text.
type field struct {
	member member
	name   []byte
	value  []byte
}

func (h *head) has(m member) bool { return h.set&(1<<m) != 0 }

func (h *head) fail(pointer, message string) {
	h.failures = append(h.failures, Failure{pointer, message})
}

func (h *head) reset() {
	h.set, h.plain, h.order, h.failures = 0, 0, h.order[:0], nil
}

// scan reads one envelope. data is called where the member "data" begins and
// must read it. keep fills order. The error is a *strictjson.SyntaxError; what
// else is wrong ends in failures.
func (h *head) scan(s *strictjson.Scanner, keep bool, data func() error) error {
	h.reset()
	if s.Peek() != '{' {
		if err := s.Skip(); err != nil {
			return err
		}
		h.fail("", "an event must be a JSON object")
		return s.End()
	}
	more, err := s.OpenObject()
	for more && err == nil {
		if err = h.field(s, keep, data); err != nil {
			return err
		}
		more, err = s.NextMember()
	}
	if err != nil {
		return err
	}
	return s.End()
}

func (h *head) field(s *strictjson.Scanner, keep bool, data func() error) error {
	s.Peek()
	from := s.Pos()
	name, err := s.Key()
	if err != nil {
		return err
	}
	colon := s.Pos() - 1
	m := memberOf(name)
	c := s.Peek()
	start := s.Pos()
	switch {
	case m == memberData:
		h.set |= 1 << m
		err = data()
		h.data = s.Since(start)
	case m == memberOther:
		err = s.Skip()
	case c == '"':
		var t strictjson.Text
		t, err = s.Text()
		h.set |= 1 << m
		h.text[m] = t.Bytes()
		if t.Plain() {
			h.plain |= 1 << m
		}
	default:
		h.wrongType(m, c)
		err = s.Skip()
	}
	if keep && err == nil {
		text := s.Since(from)
		quoted := bytes.TrimRight(text[:colon-from], " \t\r\n")
		h.order = append(h.order, field{m, quoted, s.Since(start)})
	}
	return err
}

func (h *head) wrongType(m member, c byte) {
	pointer := "/" + memberNames()[m]
	if c == 'n' && m >= firstOptional {
		h.fail(pointer, "must be left out rather than null")
		return
	}
	h.fail(pointer, "must be a string")
	// reported once: the member is there, only of the wrong type
	h.set |= 1 << m
	h.text[m] = nil
	h.plain &^= 1 << m
}

// check holds the members against the envelope's rules.
func (h *head) check() {
	if len(h.failures) > 0 && h.failures[0].Pointer == "" {
		return
	}
	names := memberNames()
	for m := range members {
		if !h.has(m) {
			if (m < firstOptional || m == memberData) && !h.failed(names[m]) {
				h.fail("/"+names[m], "is required")
			}
			continue
		}
		if m == memberData || h.failed(names[m]) {
			continue
		}
		if why := checkMember(m, h.text[m], h.plain&(1<<m) != 0); why != "" {
			h.fail("/"+names[m], why)
		}
	}
}

func (h *head) failed(name string) bool {
	for _, f := range h.failures {
		if f.Pointer == "/"+name {
			return true
		}
	}
	return false
}

// checkMember says what is wrong with a member's value, "" for nothing.
func checkMember(m member, text []byte, plain bool) string {
	switch m {
	case memberTime:
		if !schema.QuickDateTime(text) {
			if _, err := parseTime(string(text)); err != nil {
				return quote(string(text)) + " is not a valid date-time (RFC 3339)"
			}
		}
		return ""
	case memberVersion:
		if string(text) == "1.0" {
			return ""
		}
		if _, err := ParseVersion(string(text)); err != nil {
			return err.Error()
		}
		return ""
	case memberContentType:
		if string(text) == ContentType || isJSON(string(text)) {
			return ""
		}
		return quote(string(text)) + " is not a JSON media type such as " + ContentType
	case memberSource:
		return checkText(text, plain, maxText)
	}
	return checkText(text, plain, maxID)
}

func checkText(text []byte, plain bool, longest int) string {
	if n := len(text); n == 0 {
		return "must not be empty"
	} else if n > longest && (plain || utf8.RuneCount(text) > longest) {
		return "is longer than " + itoa(longest) + " characters"
	}
	if plain && bytes.IndexByte(text, 0x7f) < 0 {
		return ""
	}
	if !utf8.Valid(text) {
		return "is not valid UTF-8"
	}
	if bytes.ContainsFunc(text, unicode.IsControl) {
		return "has a control character"
	}
	return ""
}

func isJSON(s string) bool {
	media, _, err := mime.ParseMediaType(s)
	return err == nil && (media == ContentType || strings.Contains(media, "/") && strings.HasSuffix(media, "+json"))
}

// formatTime writes milliseconds, as services in other languages do, and more
// digits only where there are any.
func formatTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()%int(time.Millisecond) == 0 {
		return t.Format("2006-01-02T15:04:05.000Z07:00")
	}
	return t.Format(time.RFC3339Nano)
}

// parseTime reads an RFC 3339 time, also with the lower-case letters and the
// leap second that it allows and the standard library does not; a leap second
// is taken for the moment after it.
func parseTime(s string) (time.Time, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return time.Time{}, &time.ParseError{Value: s, Message: ": other characters than ASCII"}
	}
	leap := len(s) > 19 && s[17:19] == "60"
	up := strings.ToUpper(s)
	if leap {
		up = up[:17] + "59" + up[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, up)
	if leap && err == nil {
		if u := t.UTC(); u.Minute() != 59 || u.Hour() != 23 {
			return time.Time{}, &time.ParseError{Value: s, Message: ": no leap second at that time"}
		}
		t = t.Add(time.Second)
	}
	if err == nil && strings.ContainsRune(s, ',') {
		return time.Time{}, &time.ParseError{Value: s, Message: ": comma"}
	}
	return t, err
}
