package console_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestEventType(t *testing.T) {
	t.Parallel()
	header := func(pairs ...string) []kafka.Header {
		var list []kafka.Header
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, kafka.Header{Name: pairs[i], Value: []byte(pairs[i+1])})
		}
		return list
	}
	for _, test := range []struct {
		headers []kafka.Header
		value   string
		want    string
	}{
		{header("a", "b", "event-type", "user.locked"), "", "user.locked"},
		{header("ce_type", "x"), `{"type":"y","dataVersion":"1.0"}`, "x"},
		{header("ce_type", "x", "event-type", "z"), "", "z"},
		{header("event-type", ""), `{"type":"y","dataVersion":"1.0"}`, "y"},
		{nil, `{"id":"1","type":"tenant.created","dataVersion":"1.0","data":{"type":"other"}}`, "tenant.created"},
		{nil, `{"data":{"dataVersion":"2.0","type":"other"},"dataVersion":"1.0","type":"tenant.created"}`, "tenant.created"},
		{nil, `{"specversion":"1.0","type":"t\u00e9"}`, "té"},
		{nil, `{"type":"page"}`, ""},
		{nil, `{"type":7,"dataVersion":"1.0"}`, ""},
		{nil, `{"type":"","dataVersion":"1.0"}`, ""},
		{nil, `{"type":"a","dataVersion":1}`, ""},
		{nil, `{"type":"a",`, ""},
		{nil, `["type","dataVersion"]`, ""},
		{nil, "plain", ""},
		{nil, "", ""},
	} {
		got := console.EventType(&kafka.Record{Headers: test.headers, Value: []byte(test.value)})
		if string(got) != test.want || (got == nil) != (test.want == "") {
			t.Errorf("%s %s: %q, want %q", test.headers, test.value, got, test.want)
		}
	}
}

// FuzzEventType: of a value that encoding/json reads, the type is a member.
func FuzzEventType(f *testing.F) {
	f.Add(`{"type":"tenant.created","dataVersion":"1.0"}`)
	f.Add(`{"specversion":"1.0","a":[{}],"type":"x"}`)
	f.Fuzz(func(t *testing.T, value string) {
		got := console.EventType(&kafka.Record{Value: []byte(value)})
		if got == nil {
			return
		}
		// A second member of the name may come after the type was found.
		var envelope map[string]any
		if strings.Count(value, "type") != 1 || strings.Contains(value, `\`) || json.Unmarshal([]byte(value), &envelope) != nil {
			return
		}
		if envelope["type"] != string(got) {
			t.Fatalf("%q is the type of %q", got, value)
		}
	})
}
