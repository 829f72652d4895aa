package console

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// envelopeDecoder reads records written as one JSON object each: this
// package's envelope, and what kcat -J, kaf -o json and kafkactl -o json
// write, told apart by their member names.
//
// A member nobody writes is refused rather than passed over: with "vaule"
// ignored the record would be a tombstone.
type envelopeDecoder struct {
	buf  []byte // unescaped and base64 text of the current record
	scan strictjson.Scanner
	seen [slotCount]jsonMember
}

// jsonMember is a value of the object: a string's text, or the JSON of any
// other value as it stands.
type jsonMember struct {
	name []byte
	text []byte
	kind byte // the JSON's first byte: one of " { [ t f n - and digits
	set  bool
}

func (m jsonMember) null() bool   { return !m.set || m.kind == 'n' }
func (m jsonMember) isText() bool { return m.kind == '"' }

// slot is what a member means, whatever it is called.
type slot int

const (
	slotKey slot = iota
	slotValue
	slotKeyEncoding
	slotValueEncoding
	slotHeaders
	slotTopic
	slotPartition
	slotTime
	slotInput
	slotInputEncoding
	slotCut
	slotCount
	slotIgnored // known, and nothing to a producer
	slotUnknown
)

// slotOf knows the members of the envelope and its rejects, then kcat's, kaf's
// (both say payload) and kafkactl's (in capitals).
func slotOf(name []byte) slot {
	switch string(name) {
	case "key", "Key":
		return slotKey
	case "value", "payload", "Value":
		return slotValue
	case "key_encoding":
		return slotKeyEncoding
	case "value_encoding":
		return slotValueEncoding
	case "headers", "Headers":
		return slotHeaders
	case "topic":
		return slotTopic
	case "partition", "Partition":
		return slotPartition
	case "timestamp", "ts", "Timestamp":
		return slotTime
	case "input":
		return slotInput
	case "input_encoding":
		return slotInputEncoding
	case "input_cut":
		return slotCut
	case "offset", "Offset", "timestamp_type", "leader_epoch", "error", "line", "source",
		"tstype", "broker", "key_schema_id", "value_schema_id",
		"keySchema", "keySchemaId", "valueSchema", "valueSchemaId":
		return slotIgnored
	}
	return slotUnknown
}

// decode reads one line into rec, whose slices stay valid until the next call
// or until line changes.
func (d *envelopeDecoder) decode(line []byte, rec *inRecord) error {
	rec.reset()
	d.buf = d.buf[:0]
	return d.object(line, rec, true)
}

func (d *envelopeDecoder) object(line []byte, rec *inRecord, mayNest bool) error {
	if err := d.members(line); err != nil {
		return err
	}
	if input := d.seen[slotInput]; input.set {
		return d.again(input, rec, mayNest)
	}
	var err error
	if rec.key, err = d.bytes(slotKey, slotKeyEncoding); err != nil {
		return err
	}
	if rec.value, err = d.bytes(slotValue, slotValueEncoding); err != nil {
		return err
	}
	if m := d.seen[slotHeaders]; !m.null() {
		if err := d.headers(m, rec); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
	}
	return d.place(rec)
}

// members walks the object and notes where each member stands.
func (d *envelopeDecoder) members(line []byte) error {
	d.seen = [slotCount]jsonMember{}
	d.scan.Reset(line)
	more, err := d.scan.OpenObject()
	for more && err == nil {
		var name []byte
		if name, err = d.scan.Key(); err != nil {
			break
		}
		var m jsonMember
		if m, err = d.value(); err != nil {
			break
		}
		m.name = name
		at := slotOf(name)
		switch {
		case at == slotUnknown:
			return fmt.Errorf("unknown member %q: a record has key, value, headers, timestamp, partition and topic", name)
		case at == slotIgnored:
		case d.seen[at].set:
			return fmt.Errorf("members %q and %q mean the same", d.seen[at].name, name)
		default:
			d.seen[at] = m
		}
		more, err = d.scan.NextMember()
	}
	if err != nil {
		return err
	}
	return d.scan.End()
}

// value reads one value of any kind.
func (d *envelopeDecoder) value() (jsonMember, error) {
	m := jsonMember{kind: d.scan.Peek(), set: true}
	if m.kind != '"' {
		var err error
		m.text, err = d.scan.Value()
		return m, err
	}
	text, err := d.scan.Text()
	if err != nil {
		return m, err
	}
	m.text = text.Raw()
	if text.Escaped() {
		start := len(d.buf)
		d.buf = text.Append(d.buf)
		m.text = d.buf[start:len(d.buf):len(d.buf)]
	}
	return m, nil
}

// bytes is a key or a value, with the member that may mark it as base64.
func (d *envelopeDecoder) bytes(at, encoding slot) ([]byte, error) {
	return d.coded(d.seen[at], d.seen[encoding])
}

// coded is a key or a value: null, a string's text, base64 where encoding says
// so, or any other JSON as it stands.
func (d *envelopeDecoder) coded(m, encoding jsonMember) ([]byte, error) {
	coded, err := isBase64(encoding)
	if err != nil || m.null() {
		return nil, err
	}
	if coded && !m.isText() {
		return nil, fmt.Errorf("%s: base64 is a string", m.name)
	}
	if coded {
		return d.base64(m)
	}
	return m.text, nil
}

func isBase64(m jsonMember) (bool, error) {
	if m.null() {
		return false, nil
	}
	if m.isText() && string(m.text) == encodingBase64 {
		return true, nil
	}
	return false, fmt.Errorf("%s %q: want \"base64\"", m.name, m.text)
}

func (d *envelopeDecoder) base64(m jsonMember) ([]byte, error) {
	start := len(d.buf)
	grown, err := base64.StdEncoding.Strict().AppendDecode(d.buf, m.text)
	if err != nil {
		return nil, fmt.Errorf("%s: invalid base64: %w", m.name, err)
	}
	d.buf = grown
	return notNil(grown[start:len(grown):len(grown)]), nil
}

// again decodes the line that a reject holds because it could not be read:
// once its reader has mended it, the reject is input like any other.
func (d *envelopeDecoder) again(input jsonMember, rec *inRecord, mayNest bool) error {
	if d.seen[slotKey].set || d.seen[slotValue].set {
		return errors.New("members \"input\" and \"key\" or \"value\": want one or the other")
	}
	if cut := d.seen[slotCut]; cut.kind == 't' {
		return errors.New("input: only the start of a line that was too long: take it from where it came from")
	}
	line, err := d.bytes(slotInput, slotInputEncoding)
	if err != nil {
		return err
	}
	if !mayNest {
		return errors.New("input: holds an input again")
	}
	if err := d.object(line, rec, false); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}
