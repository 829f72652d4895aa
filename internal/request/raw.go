package request

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// maxAnswer bounds one answer, in bytes.
const maxAnswer = 64 << 20

// ErrUnsupported is a request that the broker does not know in a version of ours.
var ErrUnsupported = errors.New("the broker does not answer this request; it is older than Kafka 4.1 or the feature is off")

// Raw is a connection for requests that the protocol library has no types for. It
// sends one at a time.
type Raw struct {
	conn     net.Conn
	format   *kmsg.RequestFormatter
	versions map[int16]kmsg.ApiVersionsResponseApiKey
	number   int32
}

// WithRaw calls use with a connection of its own to the broker with this id, which
// the protocol library has logged in. The whole takes no longer than the client's
// timeout; use may still run for a moment when that is over, so all that it finds
// out is in what it returns. Errors are translated as [kafka.Client.Do] does.
func WithRaw[T any](ctx context.Context, c *kafka.Client, broker int32, use func(*Raw) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout())
	defer cancel()
	answers := make(chan T, 1)
	err := c.Do(ctx, func() error {
		known, err := c.Wire().Node(broker)
		if err != nil {
			return err
		}
		conf := c.Wire().ProducerConfig()
		dial := &noting{to: conf.Net.Proxy.Dialer}
		conf.Net.Proxy.Dialer = dial
		b := sarama.NewBroker(known.Addr())
		if err := b.Open(conf); err != nil {
			return err
		}
		defer b.Close()
		// Open connects in the background; this waits for it.
		if _, err := b.Connected(); err != nil {
			return err
		}
		conn := dial.taken()
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		if err := conn.SetDeadline(time.Now().Add(c.Timeout())); err != nil {
			return err
		}
		r := &Raw{conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(conf.ClientID)), versions: map[int16]kmsg.ApiVersionsResponseApiKey{}}
		if err := r.negotiate(); err != nil {
			return err
		}
		answer, err := use(r)
		if err == nil {
			answers <- answer
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return <-answers, nil
}

// noting remembers the connection it made: what the protocol library writes to once
// it is set up, and what may be written to beside it while it waits for nothing.
type noting struct {
	to interface {
		Dial(network, addr string) (net.Conn, error)
	}

	mu   sync.Mutex
	conn net.Conn
}

// Dial implements the proxy.Dialer that sarama takes.
func (d *noting) Dial(network, addr string) (net.Conn, error) {
	conn, err := d.to.Dial(network, addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	return conn, err
}

func (d *noting) taken() net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn
}

func (r *Raw) negotiate() error {
	res, err := r.exchange(&kmsg.ApiVersionsRequest{})
	if err != nil {
		return err
	}
	answer, ok := res.(*kmsg.ApiVersionsResponse)
	if !ok {
		return fmt.Errorf("answer of type %T", res)
	}
	if err := kafka.NewBrokerError(answer.ErrorCode, ""); err != nil {
		return err
	}
	for _, k := range answer.ApiKeys {
		r.versions[k.ApiKey] = k
	}
	return nil
}

// Ask sends a request in the newest version that both sides know, and no older one
// than the request has; [ErrUnsupported] when there is none.
func Ask[T kmsg.Response](r *Raw, req kmsg.Request) (T, error) {
	var none T
	offered, ok := r.versions[req.Key()]
	version := min(req.MaxVersion(), offered.MaxVersion)
	if !ok || version < max(req.GetVersion(), offered.MinVersion) {
		return none, ErrUnsupported
	}
	req.SetVersion(version)
	res, err := r.exchange(req)
	if err != nil {
		return none, err
	}
	answer, ok := res.(T)
	if !ok {
		return none, fmt.Errorf("answer of type %T", res)
	}
	return answer, nil
}

func (r *Raw) exchange(req kmsg.Request) (kmsg.Response, error) {
	r.number++
	if _, err := r.conn.Write(r.format.AppendRequest(nil, req, r.number)); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxAnswer {
		return nil, fmt.Errorf("answer of %d bytes, at most %d are read", size, maxAnswer)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != r.number {
		return nil, fmt.Errorf("answer to request %d instead of %d", got, r.number)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r.conn, body); err != nil {
		return nil, err
	}
	res := req.ResponseKind()
	// ApiVersions is answered with the oldest header whatever its version (KIP-511).
	if res.IsFlexible() && res.Key() != int16(kmsg.ApiVersions) {
		var err error
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := res.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	return res, nil
}

var errTags = errors.New("reading an answer: its header is cut off")

// skipTags passes the tagged fields of a header (KIP-482).
func skipTags(b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errTags
	}
	b = b[n:]
	for ; count > 0; count-- {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errTags
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return nil, errTags
		}
		b = b[n+m+int(size):]
	}
	return b, nil
}
