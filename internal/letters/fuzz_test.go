package letters

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func FuzzRead(f *testing.F) {
	for _, fixture := range fixtures() {
		for _, h := range fixture.record.Headers {
			f.Add(h.Name, h.Value, fixture.record.Value, fixture.record.Topic)
		}
	}
	f.Fuzz(func(t *testing.T, name string, header, value []byte, topic string) {
		r := kafka.Record{Topic: topic, Value: value, Headers: []kafka.Header{{Name: name, Value: header}, {Name: HeaderGroup, Value: []byte("g")}}}
		l := Read(r)
		for _, s := range []string{l.Class, l.Cause, l.Message, l.Stack, l.Group, l.Stage, l.Shape, l.ReplayID} {
			if !utf8.ValidString(s) {
				t.Errorf("%q is no UTF-8", s)
			}
		}
		if l.Origin.Partition < -1 || l.Origin.Offset < -1 || l.Attempts < 0 || l.ReplayCount < 0 {
			t.Errorf("nonsense: %+v", l)
		}
		if len(l.Fingerprint()) != 8 || len(ReplayID(l, nil, value)) != 32 {
			t.Error("no fingerprint or no id")
		}
		for _, h := range l.Append(r.Headers, AppendOptions{Stack: true, Spring: true}) {
			if h.Value == nil && h.Name != name {
				t.Errorf("%s is null", h.Name)
			}
		}
		if twice := Strip(Strip(r.Headers)); len(twice) != len(Strip(r.Headers)) {
			t.Error("stripping twice takes more")
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{
		"order 4711 at 2026-11-23T09:12:01.123Z", "mail a@b.com", "http://x/y?z=1", "1.2.3.4:5", "::1", "0x1f", "1m30s", "x=\"y\"", "/a/b/c9", "Mon Nov  3", "123e4567-e89b-12d3-a456-426614174000",
		"\xff\xfe", "1,234,567", "a@1f2e3d", "=true",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Normalise(s)
		if len(got) > maxNormalOut {
			t.Errorf("%d bytes", len(got))
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) && len(s) < maxNormalIn {
			t.Errorf("%q became no UTF-8: %q", s, got)
		}
		if Normalise(s) != got {
			t.Error("differs the second time")
		}
	})
}

func FuzzWithoutError(f *testing.F) {
	for _, s := range []string{`{"a":1,"error":"x"}`, `{"error":{"name":"n","message":"m","attempts":3,"cause":{"name":"c"}}}`, `{"\u0065rror":1}`, ` {"error":[],"error":{}} `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		before := bytes.Clone(value)
		clean, l, ok := WithoutError(value)
		if !bytes.Equal(before, value) {
			t.Fatal("the value was changed")
		}
		if !ok {
			return
		}
		var want, got map[string]json.RawMessage
		if err := json.Unmarshal(value, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(clean, &got); err != nil {
			t.Fatalf("%s: %v", clean, err)
		}
		delete(want, "error")
		if len(want) != len(got) {
			t.Errorf("%s became %s", value, clean)
		}
		for name := range want {
			if !bytes.Equal(want[name], got[name]) {
				t.Errorf("%s: %s became %s", name, want[name], got[name])
			}
		}
		if again, _, ok := WithoutError(WithError(clean, l)); !ok || len(again) != len(clean) {
			var space bytes.Buffer
			if json.Compact(&space, clean) == nil && space.Len() == len(clean) {
				t.Errorf("%s did not survive", clean)
			}
		}
	})
}
