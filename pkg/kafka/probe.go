package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// maxProbeAnswer bounds the answers read here, in bytes; they are a few hundred.
const maxProbeAnswer = 1 << 20

// errNotKafka is an answer that no broker gives.
var errNotKafka = errors.New("what answers is not a Kafka broker")

// apiRange is the range of versions that a broker knows of one request.
type apiRange struct{ min, max int16 }

// exchange sends one request of the protocol and reads its answer's body.
// Versions below the flexible ones only (KIP-482).
func exchange(conn net.Conn, key, version int16, clientID string, body []byte) ([]byte, error) {
	const correlation = 1
	req := make([]byte, 4, 64)
	req = binary.BigEndian.AppendUint16(req, uint16(key))
	req = binary.BigEndian.AppendUint16(req, uint16(version))
	req = binary.BigEndian.AppendUint32(req, correlation)
	req = appendString(req, clientID)
	req = append(req, body...)
	binary.BigEndian.PutUint32(req, uint32(len(req)-4))
	if _, err := conn.Write(req); err != nil {
		return nil, err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 4 || size > maxProbeAnswer || binary.BigEndian.Uint32(head[4:]) != correlation {
		return nil, errNotKafka
	}
	answer := make([]byte, size-4)
	_, err := io.ReadFull(conn, answer)
	return answer, err
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// askVersions asks which requests the broker knows. Version 0 is the one that
// every broker answers, before any login.
func askVersions(conn net.Conn, clientID string) (map[int16]apiRange, error) {
	body, err := exchange(conn, keyAPIVersions, 0, clientID, nil)
	if err != nil {
		return nil, err
	}
	return parseVersions(body)
}

func parseVersions(body []byte) (map[int16]apiRange, error) {
	if len(body) < 6 {
		return nil, errNotKafka
	}
	if code := int16(binary.BigEndian.Uint16(body)); code != 0 {
		return nil, NewBrokerError(code, "")
	}
	n := int(int32(binary.BigEndian.Uint32(body[2:])))
	body = body[6:]
	if n < 1 || len(body) < n*6 {
		return nil, errNotKafka
	}
	known := make(map[int16]apiRange, n)
	for ; n > 0; n-- {
		key := int16(binary.BigEndian.Uint16(body))
		known[key] = apiRange{int16(binary.BigEndian.Uint16(body[2:])), int16(binary.BigEndian.Uint16(body[4:]))}
		body = body[6:]
	}
	return known, nil
}

// askMechanisms asks which SASL mechanisms the broker offers, by naming one
// that does not exist. It is empty where the listener has no SASL.
func askMechanisms(conn net.Conn, clientID string) ([]string, error) {
	body, err := exchange(conn, keySASLHandshake, 1, clientID, appendString(nil, "?"))
	if err != nil {
		return nil, err
	}
	return parseMechanisms(body)
}

func parseMechanisms(body []byte) ([]string, error) {
	if len(body) < 6 {
		return nil, errNotKafka
	}
	n := int(int32(binary.BigEndian.Uint32(body[2:])))
	body = body[6:]
	var names []string
	for ; n > 0; n-- {
		if len(body) < 2 {
			return nil, errNotKafka
		}
		size := int(binary.BigEndian.Uint16(body))
		if len(body) < 2+size {
			return nil, errNotKafka
		}
		names = append(names, string(body[2:2+size]))
		body = body[2+size:]
	}
	return names, nil
}

// probed is a bootstrap address that answered.
type probed struct {
	addr  string
	conn  *brokerConn
	known map[int16]apiRange
}

// probe connects to a bootstrap address and asks for its versions.
func (d *dialer) probe(ctx context.Context, addr string) (p probed, err error) {
	defer func() {
		// How far an address came is of interest once time has run out.
		if err != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			d.stages.leave(addr)
		}
	}()
	conn, err := d.connect(ctx, addr)
	if err != nil {
		return probed{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	_ = conn.SetDeadline(conn.deadline)
	known, err := askVersions(conn, d.clientID)
	if !stop() {
		_ = conn.Close()
		return probed{}, ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return probed{}, d.failure(addr, StageAPIVersions, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return probed{addr, conn, known}, nil
}

// checkFrame looks at the first bytes of the first answer.
func (d *dialer) checkFrame(addr string, head []byte) error {
	if size := binary.BigEndian.Uint32(head); size <= maxFrame {
		return nil
	}
	switch {
	case bytes.HasPrefix(head, []byte("HTTP/")):
		return d.failure(addr, StageAPIVersions, errSpeaksHTTP)
	case bytes.HasPrefix(head, []byte("SSH-")):
		return d.failure(addr, StageAPIVersions, fmt.Errorf("%w but an SSH server", errNotKafka))
	case head[0] == 0x15 && head[1] == 3: // a TLS alert record
		return d.failure(addr, StageAPIVersions, errSpeaksTLS)
	}
	return d.failure(addr, StageAPIVersions, errNotKafka)
}
