package console

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// show writes a record so that null, empty and order can be told.
func show(r *inRecord) string {
	text := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	var h []string
	for _, x := range r.headers {
		h = append(h, text(x.name)+"="+text(x.value))
	}
	s := text(r.key) + " " + text(r.value) + " [" + strings.Join(h, " ") + "]"
	if r.topic != nil {
		s += fmt.Sprintf(" topic %s", r.topic)
	}
	if r.partition != noPartition {
		s += fmt.Sprintf(" partition %d", r.partition)
	}
	if r.timestamp != noTime {
		s += fmt.Sprintf(" at %d", r.timestamp)
	}
	return s
}

func TestDecodeEnvelope(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, line, want string }{
		{"nothing", `{}`, `null null []`},
		{"null and empty", `{"key":null,"value":""}`, `null "" []`},
		{"text", `{"key":"a\tb","value":"é\u00e9\ud83d\ude00"}`, `"a\tb" "éé😀" []`},
		{"JSON as it stands", ` { "key" : 1.50 , "value" : {"b":1, "a":[ true,null ]} } `, `"1.50" "{\"b\":1, \"a\":[ true,null ]}" []`},
		{"booleans", `{"key":true,"value":false}`, `"true" "false" []`},
		{"base64", `{"key_encoding":"base64","key":"/w==","value":"AAE=","value_encoding":"base64"}`, `"\xff" "\x00\x01" []`},
		{"empty base64", `{"value":"","value_encoding":"base64"}`, `null "" []`},
		{"null encoding", `{"value":"x","value_encoding":null}`, `null "x" []`},
		{"place", `{"topic":"t","partition":7,"offset":3,"timestamp":"2026-11-23T09:12:01.123Z","timestamp_type":"create","value":"x"}`,
			`null "x" [] topic t partition 7 at 1795425121123`},
		{"milliseconds", `{"timestamp":1795425121123}`, `null null [] at 1795425121123`},
		{"zone", `{"timestamp":"2026-11-23T10:12:01.123999+01:00"}`, `null null [] at 1795425121123`},
		{"no timestamp", `{"timestamp":null}`, `null null [] at -1`},
		{"headers", `{"headers":[{"key":"h","value":"x"},{"key":"h","value":null},{"key":"","value":""},{"key":"n","value":5}]}`,
			`null null ["h"="x" "h"=null ""="" "n"="5"]`},
		{"binary headers", `{"headers":[{"key":"/g==","key_encoding":"base64","value":"gA==","encoding":"base64"}]}`, `null null ["\xfe"="\x80"]`},
		{"null headers", `{"headers":null}`, `null null []`},
		{"kcat", `{"topic":"t","partition":0,"offset":5,"tstype":"create","ts":1795425121123,"broker":1,"headers":["a","x","a","y","z",null],"key":"k","payload":"v"}`,
			`"k" "v" ["a"="x" "a"="y" "z"=null] topic t partition 0 at 1795425121123`},
		{"kaf", `{"headers":[{"Key":"aA==","Value":"eA=="},{"Key":"aA==","Value":null}],"key":"k","offset":1,"partition":2,"payload":{"a":1},"timestamp":"2026-11-23T09:12:01.123Z"}`,
			`"k" "{\"a\":1}" ["h"="x" "h"=null] partition 2 at 1795425121123`},
		{"kafkactl", `{"Partition":1,"Offset":2,"Headers":{"a":"x","b":""},"keySchemaId":4,"Key":"k","Value":"v","Timestamp":"2026-11-23T10:12:01.123+01:00"}`,
			`"k" "v" ["a"="x" "b"=""] partition 1 at 1795425121123`},
		{"reject", `{"topic":"t","key":null,"value":"x","headers":[],"line":3,"source":"a.txt","error":"why"}`, `null "x" [] topic t`},
		{"mended reject", `{"input":"{\"value\":\"x\"}","line":3,"error":"why"}`, `null "x" []`},
	} {
		var rec inRecord
		var d envelopeDecoder
		if err := d.decode([]byte(tt.line), &rec); err != nil || show(&rec) != tt.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", tt.name, show(&rec), err, tt.want)
		}
	}
}

func TestDecodeEnvelopeRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		``:                                      "an object",
		`"text"`:                                "an object",
		`[1]`:                                   "an object",
		`{"value":"x"} {}`:                      "after the end",
		`{"vaule":"x"}`:                         `unknown member "vaule"`,
		`{"key":"a","key":"b"}`:                 `duplicate member "key"`,
		`{"value":"a","payload":"b"}`:           `members "value" and "payload" mean the same`,
		`{"value":"` + "\xff" + `"}`:            "invalid UTF-8",
		`{"value":"\ud800"}`:                    "invalid escape",
		`{"value":"x"`:                          "ends where",
		`{"value":{"a":1,"a":2}}`:               "duplicate member",
		`{"value":"x","value_encoding":"hex"}`:  `value_encoding "hex": want "base64"`,
		`{"value":5,"value_encoding":"base64"}`: "value: base64 is a string",
		`{"value":"!","value_encoding":"base64"}`: "value: invalid base64",
		`{"timestamp":"yesterday"}`:               "want RFC 3339",
		`{"timestamp":1.5}`:                       "whole milliseconds",
		`{"timestamp":-5}`:                        "outside 1970 to 2262",
		`{"timestamp":9300000000000}`:             "outside 1970 to 2262",
		`{"timestamp":true}`:                      "want RFC 3339",
		`{"partition":-1}`:                        "want a number from 0",
		`{"partition":"1"}`:                       "want a number from 0",
		`{"topic":5}`:                             "want a string",
		`{"headers":5}`:                           "want an array or an object",
		`{"headers":[5]}`:                         "a header is",
		`{"headers":["a"]}`:                       "the last name has no value",
		`{"headers":[{"key":"a","Value":null}]}`:  "not both",
		`{"headers":[{"value":"a"}]}`:             "a header's key is a string",
		`{"headers":[{"key":"a","valve":"a"}]}`:   `unknown member "valve"`,
		`{"headers":{"a":"b","a":"c"}}`:           "duplicate member",
		`{"input":"{","error":"e"}`:               "input: ",
		`{"input":"x","value":"y"}`:               "one or the other",
		`{"input":"{}","input_cut":true}`:         "only the start",
		`{"input":"{\"input\":\"{}\"}"}`:          "holds an input again",
	} {
		var rec inRecord
		var d envelopeDecoder
		if err := d.decode([]byte(line), &rec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, error %v, want %q in it", line, show(&rec), err, want)
		}
	}
}

// toInput is the record as it goes to a producer.
func toInput(r *kafka.Record) *inRecord {
	in := &inRecord{key: r.Key, value: r.Value, topic: []byte(r.Topic), partition: r.Partition, timestamp: kafka.Milliseconds(r.Timestamp)}
	for _, h := range r.Headers {
		in.headers = append(in.headers, rawHeader{name: []byte(h.Name), value: h.Value})
	}
	return in
}

// What AppendEnvelope writes is read back to the byte.
func FuzzEnvelopeRoundTrip(f *testing.F) {
	f.Add("t", uint16(1), int64(1795425121123), []byte("k"), []byte("v"), "h", []byte("x"), uint8(0))
	f.Add("t", uint16(9), int64(-1), []byte("\xff\x00"), []byte("\"\\\u2028"), "\xfe", []byte{}, uint8(3))
	f.Fuzz(func(t *testing.T, topic string, partition uint16, ms int64, key, value []byte, name string, header []byte, nulls uint8) {
		topic = cmp.Or(strings.ToValidUTF8(topic, "?"), "t") // no record is without one
		r := kafka.Record{Topic: topic, Partition: int32(partition), Key: key, Value: value,
			Headers: []kafka.Header{{Name: name, Value: header}, {Name: name}, {Name: "", Value: []byte{}}}}
		if ms = ms % (maxTimestamp + 1); ms >= 0 {
			r.Timestamp = time.UnixMilli(ms)
		}
		if nulls&1 != 0 {
			r.Key = nil
		}
		if nulls&2 != 0 {
			r.Value = nil
		}
		line := AppendEnvelope(nil, &r)
		var got inRecord
		var d envelopeDecoder
		if err := d.decode(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if show(&got) != show(toInput(&r)) {
			t.Fatalf("%s:\n got %s\nwant %s", line, show(&got), show(toInput(&r)))
		}
		// A reject of the record is the record again.
		var out strings.Builder
		w := rejectWriter{out: &out}
		if err := w.record(&got, r.Topic, Place{Unit: "line", N: 1}, fmt.Errorf("%s", name)); err != nil {
			t.Fatal(err)
		}
		var again inRecord
		var second envelopeDecoder
		if err := second.decode([]byte(out.String()), &again); err != nil || show(&again) != show(&got) {
			t.Fatalf("%s: %s, %v", out.String(), show(&again), err)
		}
	})
}

// Whatever stands on a line, decoding it ends, and what it takes comes back.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, line := range []string{
		`{"key":1,"value":{"a":[1,2]},"headers":["a","b"]}`, `{"payload":null,"ts":5,"headers":{"a":1}}`,
		`{"headers":[{"Key":"aA==","Value":null}],"Timestamp":"2026-11-23T09:12:01.123Z"}`, `{"input":"{\"key\":\"\\ud83d\\ude00\"}"}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var rec inRecord
		var d envelopeDecoder
		before := string(line)
		if d.decode(line, &rec) != nil {
			return
		}
		if string(line) != before {
			t.Fatalf("%q became %q", before, line)
		}
		r := kafka.Record{Topic: string(rec.topic), Key: rec.key, Value: rec.value}
		for _, h := range rec.headers {
			r.Headers = append(r.Headers, kafka.Header{Name: string(h.name), Value: h.value})
		}
		var again inRecord
		var second envelopeDecoder
		if err := second.decode(AppendEnvelope(nil, &r), &again); err != nil {
			t.Fatal(err)
		}
		again.topic, again.partition, again.timestamp = rec.topic, rec.partition, rec.timestamp
		if show(&again) != show(&rec) {
			t.Fatalf("%s:\n got %s\nthen %s", line, show(&rec), show(&again))
		}
	})
}
