package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// magic is the first byte of a framed value.
	magic = 0
	// frameSize is the length of what stands before every payload: the magic
	// byte and a schema id of four bytes, the highest first.
	frameSize = 5
	// maxIndexes bounds how deeply Protobuf messages nest in each other.
	maxIndexes = 64
	maxID      = 1<<31 - 1
)

// ErrFrame is a value that is not framed as Confluent's serializers do it.
var ErrFrame = errors.New("value has no schema id in front")

// ReadFrame takes the schema id off a value. The payload is part of value. It
// reports [ErrFrame].
func ReadFrame(value []byte) (id int, payload []byte, err error) {
	switch {
	case len(value) < frameSize:
		return 0, nil, fmt.Errorf("%w: %d bytes, a frame has %d at least", ErrFrame, len(value), frameSize)
	case value[0] != magic:
		return 0, nil, fmt.Errorf("%w: first byte is 0x%02x, not 0x00", ErrFrame, value[0])
	}
	n := binary.BigEndian.Uint32(value[1:frameSize])
	if n == 0 || n > maxID {
		return 0, nil, fmt.Errorf("%w: id %d cannot be one", ErrFrame, n)
	}
	return int(n), value[frameSize:], nil
}

// AppendFrame appends what stands before a payload whose schema has this id.
func AppendFrame(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, magic), uint32(id))
}

// ReadIndexes takes the Protobuf message indexes off a payload: the place of
// the message in the schema, then of the one inside it, and so on. It reports
// [ErrFrame].
func ReadIndexes(payload []byte) (indexes []int, rest []byte, err error) {
	count, rest, err := readIndex(payload)
	if err != nil {
		return nil, nil, err
	}
	if count == 0 { // short for the first message
		return []int{0}, rest, nil
	}
	if count > maxIndexes {
		return nil, nil, fmt.Errorf("%w: %d message indexes", ErrFrame, count)
	}
	for range count {
		var i int
		if i, rest, err = readIndex(rest); err != nil {
			return nil, nil, err
		}
		indexes = append(indexes, i)
	}
	return indexes, rest, nil
}

func readIndex(b []byte) (int, []byte, error) {
	v, n := binary.Varint(b)
	if n <= 0 || v < 0 || v > maxID {
		return 0, nil, fmt.Errorf("%w: Protobuf message indexes are cut short or out of range", ErrFrame)
	}
	return int(v), b[n:], nil
}

// AppendIndexes appends Protobuf message indexes; none means the first message.
func AppendIndexes(dst []byte, indexes []int) []byte {
	if len(indexes) == 0 || len(indexes) == 1 && indexes[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(indexes)))
	for _, i := range indexes {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}
