package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// documented are the two examples of the original document, as the services
// write them.
func documented() []string {
	return []string{`{
  "id": "event-id-1",
  "type": "tenant.created",
  "source": "tenant-service",
  "time": "2026-01-05T09:30:00.000Z",
  "dataVersion": "1.0",
  "dataContentType": "application/json",
  "data": {
    "id": "tenant-id-1",
    "name": "Acme Corporation",
    "schemaName": "acme",
    "packageId": "package-id-1",
    "billingEmail": "billing@acme.com",
    "subscriptionStartDate": "2026-01-05T09:30:00.000Z",
    "initialModules": ["crm", "hrm"]
  }
}`, `{"id":"3b241101-e2bb-4255-8caf-4136c566a962","type":"tenant.created","source":"tenant-service","time":"2026-01-05T09:30:00.000Z","dataVersion":"1.0","dataContentType":"application/json","data":{"id":"3b241101-e2bb-4255-8caf-4136c566a963","name":"Globex","schemaName":"globex_1","packageId":"standard","billingEmail":"accounts@globex.example","subscriptionStartDate":"2026-01-05T09:30:00.000Z","initialModules":[]}}`}
}

func catalogue(t testing.TB, own ...events.UserType) *events.Catalogue {
	t.Helper()
	c, err := events.NewCatalogue(own...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	for i, key := range []string{"tenant-id-1", "3b241101-e2bb-4255-8caf-4136c566a963"} {
		raw := []byte(documented()[i])
		var r events.Record
		if err := v.Record(raw, &r); err != nil {
			t.Fatal(err)
		}
		if r.Topic != "tenant.events" || string(r.Key) != key || !bytes.Equal(r.Value, raw) {
			t.Fatalf("goes to %s with key %s as %s", r.Topic, r.Key, r.Value)
		}
		e, err := events.Parse(raw)
		if err != nil || !bytes.Equal(e.Encode(), raw) {
			t.Fatalf("%v: comes back as %s", err, e.Encode())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := documented()[1]
	swap := func(old, to string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in the example", old)
		}
		return strings.Replace(good, old, to, 1)
	}
	id := `"id":"3b241101-e2bb-4255-8caf-4136c566a962"`
	for name, c := range map[string]struct{ raw, want string }{
		"no object":           {`[]`, "an event must be a JSON object"},
		"everything missing":  {`{}`, "/data: is required\n/dataContentType: is required\n/dataVersion: is required\n/id: is required\n/source: is required\n/time: is required\n/type: is required"},
		"null for optional":   {swap(id, id+`,"tenantId":null`), "/tenantId: must be left out rather than null"},
		"null for required":   {swap(id, `"id":null`), "/id: must be a string"},
		"number for id":       {swap(id, `"id":7`), "/id: must be a string"},
		"empty id":            {swap(id, `"id":""`), "/id: must not be empty"},
		"long id":             {swap(id, `"id":"`+strings.Repeat("ä", 129)+`"`), "/id: is longer than 128 characters"},
		"control character":   {swap(id, `"id":"a\u0000b"`), "/id: has a control character"},
		"bad time":            {swap(`"time":"2026-01-05T09:30:00.000Z"`, `"time":"yesterday"`), `/time: "yesterday" is not a valid date-time (RFC 3339)`},
		"bad day":             {swap(`"time":"2026-01-05T`, `"time":"2026-02-30T`), `/time: "2026-02-30T09:30:00.000Z" is not a valid date-time (RFC 3339)`},
		"time that shrinks":   {swap(`"time":"2026-01-05T09:30:00.000Z"`, `"time":"ſſſſſſſſx60Z"`), `/time: "ſſſſſſſſx60Z" is not a valid date-time (RFC 3339)`},
		"bad version":         {swap(`"1.0"`, `"1"`), `/dataVersion: "1" is not MAJOR.MINOR, such as 1.0`},
		"leading zero":        {swap(`"1.0"`, `"01.0"`), `/dataVersion: "01.0" is not MAJOR.MINOR, such as 1.0`},
		"content type":        {swap(`application/json`, `text/plain`), `/dataContentType: "text/plain" is not a JSON media type such as application/json`},
		"two faults":          {swap(id, `"id":"","userId":""`), "/id: must not be empty\n/userId: must not be empty"},
		"duplicate member":    {swap(id, id+`,`+id), `invalid JSON at byte 45: duplicate member "id"`},
		"trailing data":       {good + `x`, "invalid JSON at byte 414: data after the end of the value"},
		"cut off":             {good[:20], "invalid JSON at byte 20: the text ends inside a string"},
		"terminal escape":     {swap(`"1.0"`, `"\u001b[31m"`), `/dataVersion: "\x1b[31m" is not MAJOR.MINOR, such as 1.0`},
		"duplicate inside":    {swap(`"data":{`, `"data":{"id":"x",`), `invalid JSON at byte 203: duplicate member "id"`},
		"escaped member name": {swap(id, `"\u0069d":""`), "/id: must not be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := events.Parse([]byte(c.raw))
			if !errors.Is(err, events.ErrInvalid) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err := catalogue(t).Validator(events.ValidatorOptions{}).Check([]byte(c.raw)); !errors.Is(err, events.ErrInvalid) {
				t.Errorf("the validator says %v", err)
			}
		})
	}
}

func TestParseTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-01-05T09:30:00Z":           time.Date(2026, 1, 5, 9, 30, 0, 0, time.UTC),
		"2026-01-05t09:30:00.5z":         time.Date(2026, 1, 5, 9, 30, 0, 5e8, time.UTC),
		"2026-01-05T09:30:00.123456789Z": time.Date(2026, 1, 5, 9, 30, 0, 123456789, time.UTC),
		"2026-01-05T09:30:00+02:00":      time.Date(2026, 1, 5, 7, 30, 0, 0, time.UTC),
		"2016-12-31T23:59:60Z":           time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		raw := []byte(strings.Replace(documented()[1], `"time":"2026-01-05T09:30:00.000Z"`, `"time":"`+text+`"`, 1))
		e, err := events.Parse(raw)
		if err != nil || !e.Time.Equal(want) || !bytes.Equal(e.Encode(), raw) {
			t.Errorf("%s: %v, %v", text, e.Time, err)
		}
	}
}

// What is changed is written anew; everything else keeps its bytes and place.
func TestEncodeKeepsBytes(t *testing.T) {
	t.Parallel()
	const raw = ` { "x" : [1, 2.50] , "type":"a.b","\u0069d":"1","source":"s","time":"2026-01-05T09:30:00Z",
 "dataVersion":"1.0","dataContentType":"application/json","tenantId":"t","data": {"n" : 9007199254740993} } `
	for name, c := range map[string]struct {
		change func(*events.Event)
		want   string
	}{
		"nothing": {func(*events.Event) {}, raw},
		"id": {func(e *events.Event) { e.ID = "2" },
			`{"x":[1, 2.50],"type":"a.b","\u0069d":"2","source":"s","time":"2026-01-05T09:30:00Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t","data":{"n" : 9007199254740993}}`},
		"tenant gone, user new": {func(e *events.Event) { e.TenantID, e.UserID = "", "u" },
			`{"x":[1, 2.50],"type":"a.b","\u0069d":"1","source":"s","time":"2026-01-05T09:30:00Z","dataVersion":"1.0","dataContentType":"application/json","data":{"n" : 9007199254740993},"userId":"u"}`},
		"time": {func(e *events.Event) { e.Time = e.Time.Add(time.Microsecond) },
			`{"x":[1, 2.50],"type":"a.b","\u0069d":"1","source":"s","time":"2026-01-05T09:30:00.000001Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t","data":{"n" : 9007199254740993}}`},
		"extra": {func(e *events.Event) {
			e.Extra = append(e.Extra[:0:0], events.Member{Name: `q"`, Value: json.RawMessage(`1`)})
		},
			`{"type":"a.b","\u0069d":"1","source":"s","time":"2026-01-05T09:30:00Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t","data":{"n" : 9007199254740993},"q\"":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := events.Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			c.change(&e)
			if got := string(e.Encode()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNewAndCausedBy(t *testing.T) {
	t.Parallel()
	parent, err := events.New("tenant.activated", "tenant-service", map[string]any{"id": "t1", "activatedAt": "2026-01-05T09:30:00Z"}, events.Options{TenantID: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := catalogue(t).Validate(parent); err != nil {
		t.Fatal(err)
	}
	child := events.Event{ID: "c"}.CausedBy(parent)
	if child.CausationID != parent.ID || child.CorrelationID != parent.ID || child.TenantID != "t1" {
		t.Errorf("first child: %+v", child)
	}
	grandchild := events.Event{ID: "g"}.CausedBy(child)
	if grandchild.CausationID != "c" || grandchild.CorrelationID != parent.ID {
		t.Errorf("grandchild: %+v", grandchild)
	}
	again, err := events.Parse(parent.Encode())
	if err != nil || !again.Time.Equal(parent.Time) || again.ID != parent.ID || !reflect.DeepEqual(again.Data, parent.Data) {
		t.Errorf("%v: %+v", err, again)
	}
	if strings.Contains(string(parent.Encode()), "userId") || strings.Contains(string(parent.Encode()), "null") {
		t.Errorf("absent members are written: %s", parent.Encode())
	}
	bad := parent
	bad.ID, bad.Data = "a\xffb", json.RawMessage(`{`)
	if err := catalogue(t).Validate(bad); err == nil || !strings.HasPrefix(err.Error(), "/data: invalid JSON") || !strings.HasSuffix(err.Error(), "/id: is not valid UTF-8") {
		t.Errorf("a bad event: %v", err)
	}
}

func TestNewIDSorts(t *testing.T) {
	t.Parallel()
	last := ""
	for range 1000 {
		id, err := events.NewID()
		if err != nil || id <= last || id[14] != '7' {
			t.Fatalf("%s after %s, %v", id, last, err)
		}
		last = id
	}
}
