package faultproxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxFrame is the largest frame that a broker takes by default.
const maxFrame = 100 << 20

// Frame is one request, or the answer to it.
type Frame struct {
	Key, Version int16
	Client       string // the client.id of the request
	Answer       bool   // the answer, not the request

	correlation int32
	raw         []byte // with the length before it
	body        []byte // after the header
}

// Request decodes the request; nil where the key or the version is not known.
// For an answer it is nil.
func (f Frame) Request() kmsg.Request {
	r := kmsg.RequestForKey(f.Key)
	if r == nil || f.Answer || f.Version > r.MaxVersion() {
		return nil
	}
	r.SetVersion(f.Version)
	if err := r.ReadFrom(f.body); err != nil {
		return nil
	}
	return r
}

// Response decodes the answer; nil for a request, or where it cannot be decoded.
func (f Frame) Response() kmsg.Response {
	r := kmsg.ResponseForKey(f.Key)
	if r == nil || !f.Answer || f.Version > r.MaxVersion() {
		return nil
	}
	r.SetVersion(f.Version)
	if err := r.ReadFrom(f.body); err != nil {
		return nil
	}
	return r
}

func readRaw(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	raw := make([]byte, 4+n)
	copy(raw, size[:])
	_, err := io.ReadFull(r, raw[4:])
	return raw, err
}

var errShort = errors.New("a header that ends early")

// parseRequest reads a request's header.
func parseRequest(raw []byte) (Frame, error) {
	f := Frame{raw: raw}
	b := raw[4:]
	if len(b) < 10 {
		return f, errShort
	}
	f.Key, f.Version = int16(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:]))
	f.correlation = int32(binary.BigEndian.Uint32(b[4:]))
	n := int(int16(binary.BigEndian.Uint16(b[8:])))
	b = b[10:]
	if n > len(b) {
		return f, errShort
	}
	if n > 0 {
		f.Client, b = string(b[:n]), b[n:]
	}
	if r := kmsg.RequestForKey(f.Key); r != nil {
		r.SetVersion(f.Version)
		if r.IsFlexible() {
			var err error
			if b, err = skipTags(b); err != nil {
				return f, err
			}
		}
	}
	f.body = b
	return f, nil
}

// parseAnswer reads the header of the answer to request.
func parseAnswer(raw []byte, request Frame) (Frame, error) {
	f := Frame{Key: request.Key, Version: request.Version, Client: request.Client, Answer: true, correlation: request.correlation, raw: raw}
	f.body = raw[8:]
	if flexibleAnswer(f.Key, f.Version) {
		var err error
		if f.body, err = skipTags(f.body); err != nil {
			return f, err
		}
	}
	return f, nil
}

// flexibleAnswer tells an answer whose header has tags. The one to ApiVersions
// never has, so that any client can read it (KIP-511).
func flexibleAnswer(key, version int16) bool {
	const apiVersions = 18
	r := kmsg.ResponseForKey(key)
	if r == nil || key == apiVersions {
		return false
	}
	r.SetVersion(version)
	return r.IsFlexible()
}

func skipTags(b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errShort
	}
	b = b[n:]
	for range count {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errShort
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return nil, errShort
		}
		b = b[n+m+int(size):]
	}
	return b, nil
}

// rewrite puts the proxy's doors in the place of the brokers' addresses.
func (p *Proxy) rewrite(f Frame) (Frame, error) {
	switch f.Key {
	case Metadata, FindCoordinator, DescribeCluster:
	case Produce, Fetch:
		if f.Version < 10 {
			return f, nil
		}
	default:
		return f, nil
	}
	r := f.Response()
	if r == nil {
		return f, fmt.Errorf("the answer to key %d version %d cannot be decoded", f.Key, f.Version)
	}
	var failed error
	changed := false
	move := func(host *string, port *int32) {
		if *host == "" || *port <= 0 {
			return
		}
		door, err := p.door(net.JoinHostPort(*host, strconv.Itoa(int(*port))))
		if err != nil {
			failed = err
			return
		}
		h, n, _ := net.SplitHostPort(door)
		number, _ := strconv.Atoi(n)
		*host, *port, changed = h, int32(number), true
	}
	switch r := r.(type) {
	case *kmsg.MetadataResponse:
		for i := range r.Brokers {
			move(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FindCoordinatorResponse:
		move(&r.Host, &r.Port)
		for i := range r.Coordinators {
			move(&r.Coordinators[i].Host, &r.Coordinators[i].Port)
		}
	case *kmsg.DescribeClusterResponse:
		for i := range r.Brokers {
			move(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.ProduceResponse:
		for i := range r.Brokers {
			move(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FetchResponse:
		for i := range r.Brokers {
			move(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	}
	if !changed || failed != nil {
		return f, failed
	}
	raw := binary.BigEndian.AppendUint32(make([]byte, 4, len(f.raw)+64), uint32(f.correlation))
	if flexibleAnswer(f.Key, f.Version) {
		raw = append(raw, 0)
	}
	start := len(raw)
	raw = r.AppendTo(raw)
	binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
	f.raw, f.body = raw, raw[start:]
	return f, nil
}

// Raw is the whole frame with its length.
func (f Frame) Raw() []byte { return f.raw }
