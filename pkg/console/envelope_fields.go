package console

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// headers reads the four shapes in use:
//
//	[{"key":"h","value":"x"},…]   the envelope; value may be null or base64 by "encoding"
//	["h","x",…]                   kcat: name and value in turn
//	[{"Key":"aA==","Value":null}] kaf: both base64
//	{"h":"x",…}                   kafkactl
func (d *envelopeDecoder) headers(m jsonMember, rec *inRecord) error {
	d.scan.Reset(m.text)
	switch m.kind {
	case '{':
		return d.headerMap(rec)
	case '[':
	default:
		return errors.New("want an array or an object")
	}
	pending := false // a name waits for its value
	more, err := d.scan.OpenArray()
	for more && err == nil {
		switch kind := d.scan.Peek(); {
		case pending:
			var value jsonMember
			if value, err = d.value(); err == nil {
				rec.headers[len(rec.headers)-1].value = value.plain()
			}
			pending = false
		case kind == '"':
			var name jsonMember
			name, err = d.value()
			rec.headers = append(rec.headers, rawHeader{name: name.text})
			pending = true
		case kind == '{':
			var h rawHeader
			h, err = d.header()
			rec.headers = append(rec.headers, h)
		default:
			return errors.New("a header is {\"key\":…,\"value\":…}")
		}
		if err != nil {
			return err
		}
		more, err = d.scan.NextElement()
	}
	if err == nil && pending {
		return errors.New("the last name has no value")
	}
	return err
}

// plain is the value of a header in the shapes that know no encoding.
func (m jsonMember) plain() []byte {
	if m.null() {
		return nil
	}
	return m.text
}

// headerMap reads an object of names and values.
func (d *envelopeDecoder) headerMap(rec *inRecord) error {
	more, err := d.scan.OpenObject()
	for more && err == nil {
		var name []byte
		if name, err = d.scan.Key(); err != nil {
			return err
		}
		var value jsonMember
		if value, err = d.value(); err != nil {
			return err
		}
		rec.headers = append(rec.headers, rawHeader{name: name, value: value.plain()})
		more, err = d.scan.NextMember()
	}
	return err
}

// header reads one header of the envelope's or kaf's shape.
func (d *envelopeDecoder) header() (rawHeader, error) {
	var name, value, nameEncoding, valueEncoding, kafName, kafValue jsonMember
	more, err := d.scan.OpenObject()
	for more && err == nil {
		var member []byte
		if member, err = d.scan.Key(); err != nil {
			break
		}
		var m jsonMember
		if m, err = d.value(); err != nil {
			break
		}
		m.name = member
		switch string(member) {
		case memberKey:
			name = m
		case memberValue:
			value = m
		case memberKeyEncoding:
			nameEncoding = m
		case memberEncoding:
			valueEncoding = m
		case "Key":
			kafName = m
		case "Value":
			kafValue = m
		default:
			return rawHeader{}, fmt.Errorf("unknown member %q: a header has key, value and encoding", member)
		}
		more, err = d.scan.NextMember()
	}
	if err != nil {
		return rawHeader{}, err
	}
	if !kafName.set && !kafValue.set {
		return d.headerOf(name, nameEncoding, value, valueEncoding)
	}
	if name.set || value.set || nameEncoding.set || valueEncoding.set {
		return rawHeader{}, errors.New("a header has key and value, or Key and Value, not both")
	}
	base64 := jsonMember{set: true, kind: '"', text: []byte(encodingBase64)}
	return d.headerOf(kafName, base64, kafValue, base64)
}

func (d *envelopeDecoder) headerOf(name, nameEncoding, value, valueEncoding jsonMember) (rawHeader, error) {
	var h rawHeader
	if !name.isText() {
		return h, errors.New("a header's key is a string")
	}
	var err error
	if h.name, err = d.coded(name, nameEncoding); err != nil {
		return h, err
	}
	h.value, err = d.coded(value, valueEncoding)
	return h, err
}

// place reads what tells where and when the record belongs.
func (d *envelopeDecoder) place(rec *inRecord) error {
	if m := d.seen[slotTopic]; !m.null() {
		if !m.isText() {
			return fmt.Errorf("topic %s: want a string", m.text)
		}
		rec.topic = m.text
	}
	if m := d.seen[slotPartition]; !m.null() {
		n, err := strconv.ParseInt(string(m.text), 10, 32)
		if err != nil || n < 0 || m.isText() {
			return fmt.Errorf("partition %s: want a number from 0", m.text)
		}
		rec.partition = int32(n)
	}
	m := d.seen[slotTime]
	if !m.set {
		return nil
	}
	ms, err := timestampOf(m)
	if err != nil {
		return err
	}
	rec.timestamp = ms
	return nil
}

// maxTimestamp is the last millisecond that nanoseconds since 1970 can tell,
// in April 2262; what writes batches counts in them.
const maxTimestamp = math.MaxInt64 / int64(time.Millisecond)

// timestampOf reads RFC 3339 or a number of milliseconds. null, as the envelope
// writes it, is Kafka's -1: a record without a timestamp.
func timestampOf(m jsonMember) (int64, error) {
	if m.null() {
		return -1, nil
	}
	if m.isText() {
		t, err := time.Parse(time.RFC3339Nano, string(m.text))
		if err != nil {
			return 0, fmt.Errorf("%s %q: want RFC 3339, as 2026-11-23T09:12:01.123Z, or milliseconds", m.name, m.text)
		}
		return t.UnixMilli(), checkTimestamp(t.UnixMilli())
	}
	ms, err := strconv.ParseInt(string(m.text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %s: want RFC 3339, as 2026-11-23T09:12:01.123Z, or whole milliseconds", m.name, m.text)
	}
	return ms, checkTimestamp(ms)
}

// checkTimestamp refuses what Kafka refuses and what a batch cannot hold.
func checkTimestamp(ms int64) error {
	if ms < -1 || ms > maxTimestamp {
		return fmt.Errorf("timestamp %d: outside 1970 to 2262", ms)
	}
	return nil
}
