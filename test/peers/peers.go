// Package peers drives clients that are not ours against a broker: Kafka's own
// Java client and tools, kcat and kafkajs. Tests compare what they see and
// write with what the product does.
//
// Every function ends the test when the peer fails, and skips it when the peer
// is not on the machine (fails it when CI=true).
package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"
)

// timeout bounds one call of a peer; the slowest takes a fifth of it.
const timeout = 3 * time.Minute

// Record is a record as a peer sees it. Nil bytes are Kafka's null; empty ones
// are not nil.
type Record struct {
	Partition     int32    `json:"partition"`
	Offset        int64    `json:"offset"`
	Timestamp     int64    `json:"timestamp"`                // milliseconds
	TimestampType string   `json:"timestamp_type,omitempty"` // CreateTime or LogAppendTime
	Key           []byte   `json:"key"`
	Value         []byte   `json:"value"`
	Headers       []Header `json:"headers"` // in their order, with duplicates
}

// Header is one header of a record.
type Header struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// Digest stands for a record: where it lies and a hash of its content.
type Digest struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	SHA256    string `json:"sha256"`
}

// Placed says where a record went.
type Placed struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Key       []byte `json:"key"`
}

// Digest hashes a record's timestamp, key, value and headers, to the bit and in
// their order, as [Digests] does it in Java.
func (r Record) Digest() string {
	h := sha256.New()
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], uint64(r.Timestamp))
	h.Write(word[:])
	field := func(b []byte) {
		length := int32(-1)
		if b != nil {
			length = int32(len(b))
		}
		binary.BigEndian.PutUint32(word[:4], uint32(length))
		h.Write(word[:4])
		h.Write(b)
	}
	field(r.Key)
	field(r.Value)
	for _, header := range r.Headers {
		field(header.Key)
		field(header.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// output runs a command and returns its stdout. The error holds its stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return stdout, fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, stderr.Bytes())
	}
	return stdout, nil
}

// mustOutput is output for calls that have to work.
func mustOutput(t testing.TB, cmd *exec.Cmd) []byte {
	t.Helper()
	stdout, err := output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

// deadline returns a context for one call of a peer.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// decodeLines decodes one JSON value a line.
func decodeLines[T any](t testing.TB, data []byte) []T {
	t.Helper()
	var all []T
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var v T
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("line %d of the peer's answer: %v", len(all)+1, err)
		}
		all = append(all, v)
	}
}

// encodeLines is the inverse of decodeLines.
func encodeLines[T any](t testing.TB, all []T) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, v := range all {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
