package events_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// sameEvent compares all that an event says, to the digit.
func sameEvent(t *testing.T, got, want events.Event) {
	t.Helper()
	a, b := got, want
	if !a.Time.Equal(b.Time) || !bytes.Equal(a.Data, b.Data) || !reflect.DeepEqual(a.Extra, b.Extra) ||
		a.ID != b.ID || a.Type != b.Type || a.Source != b.Source || a.DataVersion != b.DataVersion || a.DataContentType != b.DataContentType ||
		a.TenantID != b.TenantID || a.UserID != b.UserID || a.CorrelationID != b.CorrelationID || a.CausationID != b.CausationID {
		t.Fatalf("got  %s\nwant %s", got.Encode(), want.Encode())
	}
}

func TestCloudEventsAreLossless(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	var all []events.Event
	for _, typ := range c.Types() {
		e, err := c.Example(typ.Name, 5)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	odd, err := events.Parse([]byte(`{"x-extra":{"n":9007199254740993, "a" : 1.0},"specversion":"mine","data":[1,  2e3,"\u00e9"],"id":"é\"","type":"a.b","source":"s","time":"2026-01-05t09:30:00.10+02:00","dataVersion":"3.7","dataContentType":"application/vnd.a+json; charset=utf-8"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(all, odd) {
		ce := events.ToCloudEvent(e, "the key")
		if ce.Get("partitionkey") != "the key" || ce.Get("subject") != "the key" || ce.Get("specversion") != "1.0" {
			t.Fatalf("%+v", ce)
		}
		for _, a := range ce.Attributes {
			if strings.Trim(a.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
				t.Errorf("attribute %s", a.Name)
			}
		}
		structured, err := events.ParseStructured(ce.Structured())
		if err != nil || !reflect.DeepEqual(structured, ce) {
			t.Fatalf("%v: structured is %+v, want %+v", err, structured, ce)
		}
		binary, err := events.ParseBinary(ce.Binary())
		if err != nil || !reflect.DeepEqual(binary, ce) {
			t.Fatalf("%v: binary is %+v, want %+v", err, binary, ce)
		}
		back, err := events.FromCloudEvent(binary)
		if err != nil {
			t.Fatal(err)
		}
		sameEvent(t, back, e)
		if got := events.ToCloudEvent(back, "the key"); !reflect.DeepEqual(got, ce) {
			t.Fatalf("the second time it is %+v, want %+v", got, ce)
		}
	}
}

func TestBinaryForm(t *testing.T) {
	t.Parallel()
	e, err := events.Parse([]byte(documented()[0]))
	if err != nil {
		t.Fatal(err)
	}
	value, headers := events.ToCloudEvent(e, "k").Binary()
	if !bytes.Equal(value, e.Data) {
		t.Errorf("the value is %s", value)
	}
	var lines []string
	for _, h := range headers {
		lines = append(lines, h.Name+"="+string(h.Value))
	}
	want := "ce_specversion=1.0\nce_id=event-id-1\nce_source=tenant-service\nce_type=tenant.created\nce_time=2026-01-05T09:30:00.000Z\n" +
		"content-type=application/json\nce_dataschema=urn:multi-tenant:event:tenant.created:1.0\nce_subject=k\nce_partitionkey=k\nce_dataversion=1.0"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestForeignCloudEvents(t *testing.T) {
	t.Parallel()
	c, err := events.ParseStructured([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"a.b","time":"2026-01-05T09:30:00Z","subject":"x","sampledrate":30,"data":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.FromCloudEvent(c)
	if err != nil || e.DataVersion != "1.0" || e.DataContentType != events.ContentType || len(e.Extra) != 2 || e.Extra[0].Name != "subject" || string(e.Extra[1].Value) != `"30"` {
		t.Fatalf("%v: %+v", err, e)
	}
	for name, raw := range map[string]string{
		"version":   `{"specversion":"0.3","id":"1","source":"s","type":"a.b","time":"2026-01-05T09:30:00Z","data":{}}`,
		"no data":   `{"specversion":"1.0","id":"1","data_base64":"AA=="}`,
		"object":    `{"specversion":"1.0","id":{},"data":1}`,
		"no object": `[]`,
		"duplicate": `{"specversion":"1.0","specversion":"1.0","data":1}`,
		"no id":     `{"specversion":"1.0","source":"s","type":"a.b","time":"2026-01-05T09:30:00Z","data":{}}`,
	} {
		c, err := events.ParseStructured([]byte(raw))
		if err == nil {
			_, err = events.FromCloudEvent(c)
		}
		if !errors.Is(err, events.ErrNotCloudEvent) && !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := events.ParseBinary([]byte(`{`), nil); !errors.Is(err, events.ErrNotCloudEvent) {
		t.Errorf("broken data: %v", err)
	}
}
