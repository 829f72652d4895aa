package console_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestAppendEnvelope(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 12, 1, 123_999_999, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name string
		r    kafka.Record
		want string
	}{
		{"text", kafka.Record{Topic: "t", Partition: 2, Offset: 12, Timestamp: at, Key: []byte("a"), Value: []byte(`{"x":1}`)},
			`{"topic":"t","partition":2,"offset":12,"timestamp":"2026-11-23T09:12:01.123Z","timestamp_type":"create","key":"a","value":"{\"x\":1}","headers":[]}`},
		{"null and empty", kafka.Record{Topic: "t", Key: nil, Value: []byte{}, TimestampType: kafka.LogAppendTime, Timestamp: time.UnixMilli(0)},
			`{"topic":"t","partition":0,"offset":0,"timestamp":"1970-01-01T00:00:00.000Z","timestamp_type":"append","key":null,"value":"","headers":[]}`},
		{"binary", kafka.Record{Topic: "t", Key: []byte{0xff}, Value: []byte{0, 0xfe}},
			`{"topic":"t","partition":0,"offset":0,"timestamp":null,"timestamp_type":"create","key":"/w==","key_encoding":"base64","value":"AP4=","value_encoding":"base64","headers":[]}`},
		{"headers", kafka.Record{Topic: "t", Timestamp: time.UnixMilli(1 << 55), Headers: []kafka.Header{
			{Name: "h", Value: []byte("x")}, {Name: "h"}, {Name: "", Value: []byte{}}, {Name: "\xfe", Value: []byte{0x80}}}},
			`{"topic":"t","partition":0,"offset":0,"timestamp":36028797018963968,"timestamp_type":"create","key":null,"value":null,"headers":[` +
				`{"key":"h","value":"x"},{"key":"h","value":null},{"key":"","value":""},{"key":"/g==","key_encoding":"base64","value":"gA==","encoding":"base64"}]}`},
		{"escapes", kafka.Record{Topic: "t", Timestamp: time.UnixMilli(1), Value: []byte("a\"\\\n\r\t\x00\x7f\u009b\u202e\u2028é東👩 0123456789\x1b")},
			`{"topic":"t","partition":0,"offset":0,"timestamp":"1970-01-01T00:00:00.001Z","timestamp_type":"create","key":null,` +
				`"value":"a\"\\\n\r\t\u0000\u007f\u009b\u202e\u2028é東👩 0123456789\u001b","headers":[]}`},
	} {
		if got := string(console.AppendEnvelope([]byte("> "), &tt.r)); got != "> "+tt.want {
			t.Errorf("%s:\n got %s\nwant > %s", tt.name, got, tt.want)
		}
	}
}

// envelope is the object as another program would read it.
type envelope struct {
	Topic         string
	Partition     int32
	Offset        int64
	Timestamp     json.RawMessage
	TimestampType string `json:"timestamp_type"`
	Key           *string
	KeyEncoding   string `json:"key_encoding"`
	Value         *string
	ValueEncoding string `json:"value_encoding"`
	Headers       []struct {
		Key         string
		KeyEncoding string `json:"key_encoding"`
		Value       *string
		Encoding    string
	}
}

func decodeText(t *testing.T, text *string, encoding string) []byte {
	t.Helper()
	switch {
	case text == nil:
		return nil
	case encoding == "":
		return append([]byte{}, *text...)
	}
	b, err := base64.StdEncoding.DecodeString(*text)
	if err != nil || encoding != "base64" || utf8.Valid(b) {
		t.Fatalf("%q in %q: %v", *text, encoding, err)
	}
	return append([]byte{}, b...)
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func FuzzEnvelope(f *testing.F) {
	f.Add("orders", int64(5), []byte("key"), []byte(`{"a":1}`), "h", []byte("x"), false)
	f.Add("a", int64(1)<<62, []byte("\xff"), []byte("\u009b\u202e\\\"\x00"), "\x80", []byte("\xed\xa0\x80"), true)
	f.Fuzz(func(t *testing.T, topic string, number int64, key, value []byte, name string, header []byte, null bool) {
		r := kafka.Record{
			Topic: strings.ToValidUTF8(topic, ""), Partition: int32(number), Offset: number, Timestamp: time.UnixMilli(number >> 8),
			Key: key, Value: value, Headers: []kafka.Header{{Name: name, Value: header}, {Name: name}},
		}
		if null {
			r.Key, r.Value = nil, nil
		}
		line := console.AppendEnvelope(nil, &r)
		if strings.ContainsFunc(string(line), terminal.Acts) || !utf8.Valid(line) {
			t.Fatalf("unsafe on a terminal: %q", line)
		}
		var got envelope
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got.Topic != r.Topic || got.Partition != r.Partition || got.Offset != r.Offset || len(got.Headers) != 2 {
			t.Fatalf("%s: read %+v", line, got)
		}
		if !same(decodeText(t, got.Key, got.KeyEncoding), r.Key) || !same(decodeText(t, got.Value, got.ValueEncoding), r.Value) {
			t.Fatalf("%s: key or value differ from %q, %q", line, r.Key, r.Value)
		}
		for i, h := range got.Headers {
			if n := decodeText(t, &h.Key, h.KeyEncoding); string(n) != name || !same(decodeText(t, h.Value, h.Encoding), r.Headers[i].Value) {
				t.Fatalf("%s: header %d is %+v", line, i, h)
			}
		}
		var stamp time.Time
		var millis int64
		if json.Unmarshal(got.Timestamp, &millis) != nil {
			if err := json.Unmarshal(got.Timestamp, &stamp); err != nil {
				t.Fatalf("timestamp %s: %v", got.Timestamp, err)
			}
			millis = stamp.UnixMilli()
		}
		if millis != r.Timestamp.UnixMilli() {
			t.Fatalf("timestamp %s is not %d", got.Timestamp, r.Timestamp.UnixMilli())
		}
	})
}

func BenchmarkAppendEnvelope(b *testing.B) {
	r := kafka.Record{
		Topic: "orders", Partition: 3, Offset: 123456, Timestamp: time.UnixMilli(1_760_000_000_000), Key: []byte("customer-17"),
		Value: []byte(`{"id":"8f14e45f","type":"orders.created","data":{"pad":"` + strings.Repeat("x", 280) + `"}}`),
	}
	var buf []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(r.Value)))
	for b.Loop() {
		buf = console.AppendEnvelope(buf[:0], &r)
	}
}

// Eight bytes are looked at together: every byte must be seen at every place.
func TestAppendEnvelopeEscapesAtEveryPlace(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 17 {
			value := bytes.Repeat([]byte("a"), 20)
			value[at] = byte(c)
			var got envelope
			line := console.AppendEnvelope(nil, &kafka.Record{Topic: "t", Value: value})
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("byte %#x at %d: %s: %v", c, at, line, err)
			}
			if !same(decodeText(t, got.Value, got.ValueEncoding), value) || strings.ContainsFunc(string(line), terminal.Acts) {
				t.Fatalf("byte %#x at %d: %q", c, at, line)
			}
		}
	}
}
