package txn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	keyWriteTxnMarkers = 27
	maxMarkerAnswer    = 1 << 20
)

// Abort ends a transaction in one partition by writing an abort marker there
// (KIP-664), as its coordinator should have done. It is for a hanging one: a
// coordinator that still looks after a transaction would write its own verdict
// later. It reports [ErrNotFound] when the partition has no open transaction
// of this producer and start any more, and [kafka.ErrNotPermitted] without
// ClusterAction on the cluster.
func (r *Reader) Abort(ctx context.Context, b Blocking) error {
	now, err := r.Producers(ctx, []kafka.TopicPartition{b.TopicPartition})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(now, b.same)
	if i < 0 {
		return fmt.Errorf("%s from offset %d of producer %d: %w", b.TopicPartition, b.StartOffset, b.ProducerID, ErrNotFound)
	}
	leader, err := r.client.Leader(ctx, b.TopicPartition)
	if err != nil {
		return err
	}
	meta, err := r.client.Metadata(ctx, []string{})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(meta.Brokers, func(broker kafka.Broker) bool { return broker.ID == leader })
	if at < 0 {
		return fmt.Errorf("%s: %w", b.TopicPartition, sarama.ErrBrokerNotFound)
	}
	code, err := r.writeMarker(ctx, meta.Brokers[at].Addr, now[i])
	if err != nil {
		return fmt.Errorf("abort marker for %s: %w", b.TopicPartition, err)
	}
	if code != 0 {
		return fmt.Errorf("abort marker for %s: %w", b.TopicPartition, kafka.NewBrokerError(code, ""))
	}
	return nil
}

// writeMarker sends the one request that the protocol library does not know,
// over a connection that the library has opened and logged in.
func (r *Reader) writeMarker(ctx context.Context, addr string, b Blocking) (int16, error) {
	conn := r.client.Wire()
	conf := conn.ProducerConfig()
	l := &link{broker: sarama.NewBroker(addr), conf: conf, dialer: conf.Net.Proxy.Dialer}
	conf.Net.Proxy.Dialer = l
	defer l.drop()
	defer context.AfterFunc(ctx, l.cut)()
	codes := make(chan int16, 1)
	version := markerVersion(r.client.Release())
	err := r.client.Do(ctx, func() error {
		if err := l.open(); err != nil {
			return err
		}
		l.mu.Lock()
		raw := l.conn
		l.mu.Unlock()
		if err := raw.SetDeadline(time.Now().Add(r.client.Timeout())); err != nil {
			return err
		}
		const correlation = 1 << 30 // the library counts its own from 0
		if _, err := raw.Write(encodeMarker(version, correlation, conf.ClientID, b)); err != nil {
			return err
		}
		body, err := readAnswer(raw, correlation)
		if err != nil {
			return err
		}
		code, err := decodeMarker(version, body, b)
		if err == nil {
			codes <- code
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return <-codes, nil
}

// markerVersion is 1 from Kafka 2.8 on, the only one that all of 4.x know.
func markerVersion(release string) int16 {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err == nil && (major > 2 || major == 2 && minor >= 8) {
		return 1
	}
	return 0
}

// encodeMarker is the frame of a WriteTxnMarkers request with one abort marker.
func encodeMarker(version int16, correlation int32, clientID string, b Blocking) []byte {
	flexible := version >= 1
	out := make([]byte, 4, 128)
	out = binary.BigEndian.AppendUint16(out, keyWriteTxnMarkers)
	out = binary.BigEndian.AppendUint16(out, uint16(version))
	out = binary.BigEndian.AppendUint32(out, uint32(correlation))
	out = binary.BigEndian.AppendUint16(out, uint16(len(clientID)))
	out = append(out, clientID...)
	length := func(n int) {
		if flexible {
			out = binary.AppendUvarint(out, uint64(n)+1)
		} else {
			out = binary.BigEndian.AppendUint32(out, uint32(n))
		}
	}
	tags := func() {
		if flexible {
			out = append(out, 0)
		}
	}
	tags() // of the header
	length(1)
	out = binary.BigEndian.AppendUint64(out, uint64(b.ProducerID))
	out = binary.BigEndian.AppendUint16(out, uint16(b.Epoch))
	out = append(out, 0) // abort
	length(1)
	if flexible {
		out = binary.AppendUvarint(out, uint64(len(b.Topic))+1)
	} else {
		out = binary.BigEndian.AppendUint16(out, uint16(len(b.Topic)))
	}
	out = append(out, b.Topic...)
	length(1)
	out = binary.BigEndian.AppendUint32(out, uint32(b.Partition))
	tags()
	// A partition that never had a marker of this producer knows no epoch.
	out = binary.BigEndian.AppendUint32(out, uint32(max(0, b.coordinatorEpoch)))
	tags()
	tags()
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

// readAnswer reads one frame and gives what follows its correlation id.
func readAnswer(r io.Reader, correlation int32) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 4 || size > maxMarkerAnswer {
		return nil, fmt.Errorf("an answer of %d bytes", size)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != correlation {
		return nil, fmt.Errorf("an answer to request %d, want %d", got, correlation)
	}
	body := make([]byte, size-4)
	_, err := io.ReadFull(r, body)
	return body, err
}

var errMarkerAnswer = errors.New("malformed answer to WriteTxnMarkers")

// decodeMarker finds the code for the marker's partition.
func decodeMarker(version int16, body []byte, b Blocking) (int16, error) {
	d := markerDecoder{rest: body, flexible: version >= 1}
	d.tags()
	for range d.length() {
		producer := int64(d.number(8))
		for range d.length() {
			topic := d.text()
			for range d.length() {
				partition, code := int32(d.number(4)), int16(d.number(2))
				d.tags()
				if !d.bad && producer == b.ProducerID && partition == b.Partition && strings.Compare(topic, b.Topic) == 0 {
					return code, nil
				}
			}
			d.tags()
		}
		d.tags()
	}
	return 0, errMarkerAnswer
}

type markerDecoder struct {
	rest     []byte
	flexible bool
	bad      bool
}

func (d *markerDecoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	var part []byte
	part, d.rest = d.rest[:n], d.rest[n:]
	return part
}

func (d *markerDecoder) number(n uint64) uint64 {
	var v uint64
	for _, b := range d.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (d *markerDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// length is that of an array, 0 once anything was malformed. No element is
// shorter than a byte.
func (d *markerDecoder) length() uint64 {
	n := d.size(4)
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return 0
	}
	return n
}

func (d *markerDecoder) text() string { return string(d.take(d.size(2))) }

// size reads a length: a varint one above it, or a number of so many bytes.
func (d *markerDecoder) size(bytes uint64) uint64 {
	if d.bad {
		return 0
	}
	if !d.flexible {
		n := d.number(bytes)
		if n>>(8*bytes-1) != 0 { // null
			return 0
		}
		return n
	}
	n := d.uvarint()
	if n == 0 {
		return 0
	}
	return n - 1
}

func (d *markerDecoder) tags() {
	if !d.flexible || d.bad {
		return
	}
	for range min(d.uvarint(), uint64(len(d.rest))) {
		d.uvarint()
		d.take(d.uvarint())
	}
}
