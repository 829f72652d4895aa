package events_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// FuzzEnvelope: Parse and the validator agree about envelopes, bytes come back
// as they were, and an event survives a change and CloudEvents.
func FuzzEnvelope(f *testing.F) {
	c := catalogue(f)
	for _, raw := range documented() {
		f.Add([]byte(raw))
	}
	for _, typ := range c.Types() {
		e, err := c.Example(typ.Name, 1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Encode())
	}
	f.Add([]byte(`{"x":1,"\u0069d":"1","type":"a.b","source":"s","time":"2016-12-31T23:59:60Z","dataVersion":"1.0","dataContentType":"a/b+json","data":[]}`))
	v := c.Validator(events.ValidatorOptions{Topic: "t"})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := events.Parse(raw)
		if checked := v.Check(raw); checked == nil && err != nil {
			t.Fatalf("the validator passes what Parse refuses: %v", err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(e.Encode(), raw) {
			t.Fatalf("comes back as %s", e.Encode())
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("Parse passes it, Validate says %v", err)
		}
		changed := e
		changed.ID, changed.UserID = "changed", ""
		again, err := events.Parse(changed.Encode())
		if err != nil || again.ID != "changed" || again.UserID != "" || !bytes.Equal(again.Data, e.Data) || len(again.Extra) != len(e.Extra) {
			t.Fatalf("%s changes to %s: %v", raw, changed.Encode(), err)
		}
		back, err := events.FromCloudEvent(events.ToCloudEvent(e, "k"))
		if err != nil {
			t.Fatal(err)
		}
		sameEvent(t, back, e)
	})
}

// FuzzSchema: no schema crashes or hangs the catalogue or what it validates.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"pattern":"^a+$"}}}`), []byte(`{"a":"aa"}`))
	f.Add([]byte(`{"$ref":"#"}`), []byte(`1`))
	f.Add([]byte(`{"$id":"urn:x","anyOf":[{"$ref":"urn:x#/$defs/a"}],"$defs":{"a":{"multipleOf":0.1}}}`), []byte(`0.3`))
	f.Add([]byte(`{"uniqueItems":true,"dependentRequired":{"a":["b"]},"unevaluatedProperties":false}`), []byte(`[1,1.0]`))
	f.Fuzz(func(t *testing.T, schema, data []byte) {
		c, err := events.NewCatalogue(events.UserType{Name: "fuzz.made", Schema: schema, Key: "/data/a"})
		if err != nil {
			return
		}
		raw := []byte(strings.Replace(documented()[1][:strings.Index(documented()[1], `"data"`)], "tenant.created", "fuzz.made", 1) + `"data":` + string(data) + `}`)
		closed := c.Validator(events.ValidatorOptions{}).Check(raw)
		opened := c.Validator(events.ValidatorOptions{View: events.Open}).Check(raw)
		if closed == nil && opened != nil && !bytes.Contains(schema, []byte(`"not"`)) && !bytes.Contains(schema, []byte(`"oneOf"`)) && !bytes.Contains(schema, []byte(`"if"`)) {
			t.Fatalf("a producer may send what a consumer refuses: %v", opened)
		}
		if len(schema) < 1000 {
			_, _ = c.Example("fuzz.made", 1) // must not crash or hang; it may have no example
		}
	})
}

// FuzzLines: lines come out as a simple split gives them.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n c"), uint8(7))
	f.Add([]byte("\xef\xbb\xbf{}\n"), uint8(1))
	f.Add([]byte("0\r\r"), uint8(0))
	f.Add([]byte(strings.Repeat("x", 300)+"\n"+documented()[1]), uint8(200))
	v := catalogue(f).Validator(events.ValidatorOptions{})
	f.Fuzz(func(t *testing.T, file []byte, limit uint8) {
		most := int(limit) + 1
		var want []string
		tooLong := false
		for _, line := range strings.Split(strings.TrimPrefix(string(file), "\ufeff"), "\n") {
			line = strings.TrimSuffix(line, "\r") // which is one line's end; more of them are its text
			if len(line) > most {
				tooLong = true
				break
			}
			if strings.TrimSpace(line) != "" {
				want = append(want, line)
			}
		}
		sameTwice(t, v, file, events.LineOptions{MaxLine: most, Workers: 2}, &events.Index{MaxBytes: most})
		got, err := checkAll(t, v, bytes.NewReader(file), events.LineOptions{MaxLine: most, Workers: 2})
		if tooLong != errors.Is(err, events.ErrLineTooLong) || !tooLong && err != nil {
			t.Fatalf("too long: %v, got %v", tooLong, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i].text != want[i] {
				t.Fatalf("line %d is %q, want %q", i, got[i].text, want[i])
			}
			if (v.Check([]byte(want[i])) == nil) != (got[i].err == "") {
				t.Fatalf("line %d: %s", i, got[i].err)
			}
		}
	})
}
