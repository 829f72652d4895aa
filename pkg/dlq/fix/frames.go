package fix

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxFrame bounds one frame, in bytes: more than any record that Kafka takes
// by far.
const maxFrame = 256 << 20

// errFrame is a frame that is not one of ours.
var errFrame = errors.New("broken frame")

// A frame is its length in four bytes, big endian, and its content.
func writeFrame(w *bufio.Writer, content []byte) error {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(content)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	content := make([]byte, n)
	_, err := io.ReadFull(r, content)
	return content, err
}

// appendBytes appends a length and bytes; null is kept apart from empty.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendUvarint(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
}

// cutBytes is the other way.
func cutBytes(from []byte) (b, rest []byte, err error) {
	n, size := binary.Uvarint(from)
	switch from = from[max(size, 0):]; {
	case size <= 0 || n > uint64(len(from))+1:
		return nil, nil, errFrame
	case n == 0:
		return nil, from, nil
	}
	return from[: n-1 : n-1], from[n-1:], nil
}

// appendJob writes a letter; key and headers only where programs look at them.
func appendJob(dst []byte, j *job, headers [][2][]byte) []byte {
	dst = appendBytes(dst, j.value)
	dst = appendBytes(dst, j.key)
	for _, h := range headers {
		dst = appendBytes(appendBytes(dst, h[0]), h[1])
	}
	return dst
}

func readJob(frame []byte) (j job, err error) {
	if j.value, frame, err = cutBytes(frame); err != nil {
		return j, err
	}
	if j.key, frame, err = cutBytes(frame); err != nil {
		return j, err
	}
	j.headers = map[string]any{}
	for len(frame) > 0 {
		var name, value []byte
		if name, frame, err = cutBytes(frame); err != nil {
			return j, err
		}
		if value, frame, err = cutBytes(frame); err != nil {
			return j, err
		}
		j.headers[string(name)] = string(value)
		if value == nil {
			j.headers[string(name)] = nil
		}
	}
	return j, nil
}

func appendDone(dst []byte, d *done) []byte {
	set := byte(0)
	if d.keySet {
		set = 1
	}
	dst = append(dst, byte(d.status), set)
	dst = appendBytes(appendBytes(dst, d.key), d.value)
	return appendBytes(appendBytes(dst, []byte(d.why.Reason)), []byte(d.why.Pointer))
}

func readDone(frame []byte) (d done, err error) {
	if len(frame) < 2 || status(frame[0]) > refused || frame[1] > 1 {
		return d, errFrame
	}
	d.status, d.keySet = status(frame[0]), frame[1] == 1
	rest := frame[2:]
	var reason, pointer []byte
	for _, into := range []*[]byte{&d.key, &d.value, &reason, &pointer} {
		if *into, rest, err = cutBytes(rest); err != nil {
			return done{}, err
		}
	}
	d.why = Refusal{Reason: string(reason), Pointer: string(pointer)}
	return d, nil
}
