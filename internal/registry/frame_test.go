package registry

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestFrame(t *testing.T) {
	t.Parallel()
	// The bytes are those of Confluent's documentation of the wire format.
	framed := AppendIndexes(AppendFrame(nil, 258), []int{1, 0})
	if want := []byte{0, 0, 0, 1, 2, 4, 2, 0}; !bytes.Equal(framed, want) {
		t.Errorf("framed as % x, want % x", framed, want)
	}
	if got := AppendIndexes(nil, []int{0}); !bytes.Equal(got, []byte{0}) {
		t.Errorf("the first message is framed as % x, want 00", got)
	}
	for name, value := range map[string]string{
		"nothing": "", "short": "\x00\x00\x00\x01", "json": `{"id":1}`, "no id": "\x00\x00\x00\x00\x00x", "id out of range": "\x00\xff\xff\xff\xffx", "guid": "\x01\x00\x00\x00\x01x",
	} {
		if id, _, err := ReadFrame([]byte(value)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: id %d, %v; want ErrFrame", name, id, err)
		}
	}
	for name, payload := range map[string]string{
		"nothing": "", "cut short": "\x04\x02", "negative": "\x01", "negative index": "\x02\x01", "no end": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"too many": "\xfe\x01", "out of range": "\x02\xfe\xff\xff\xff\x7f",
	} {
		if indexes, _, err := ReadIndexes([]byte(payload)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v, %v; want ErrFrame", name, indexes, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x07\x00payload"))
	f.Add([]byte("\x00\x00\x00\x00\x07\x04\x02\x00payload"))
	f.Add([]byte("\x01\x00\x00\x00\x07"))
	f.Fuzz(func(t *testing.T, value []byte) {
		id, payload, err := ReadFrame(value)
		if err != nil {
			return
		}
		if again := append(AppendFrame(nil, id), payload...); !bytes.Equal(again, value) {
			t.Fatalf("% x came back as % x", value, again)
		}
		indexes, rest, err := ReadIndexes(payload)
		if err != nil {
			return
		}
		got, left, err := ReadIndexes(append(AppendIndexes(nil, indexes), rest...))
		if err != nil || !slices.Equal(got, indexes) || !bytes.Equal(left, rest) {
			t.Fatalf("% x: indexes %v came back as %v, %v", payload, indexes, got, err)
		}
	})
}
