package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrRejected is a record that was not sent because of what it is: it cannot
// be read, is too large, or the broker refuses it. A [*RecordError] says which.
var ErrRejected = errors.New("record rejected")

// Acks says whose acknowledgement counts.
type Acks int8

// The acknowledgements. With AcksAll, the zero value, nothing acknowledged is
// lost and no retry sends anything twice; the others promise neither.
const (
	AcksAll    Acks = iota // all in-sync replicas
	AcksLeader             // the partition's leader
	AcksNone               // nobody's: what was handed to the system counts
)

// ProduceOptions say what to send and how. The zero value, with a Topic and
// Sources, sends each line as a value.
type ProduceOptions struct {
	// Topic gets the records; with TopicFromRecord only those that name none.
	Topic           string
	TopicFromRecord bool

	// Sources are read one after the other. With a Template they are not read.
	Sources  []Source
	Template *Template
	Count    int64 // records of the Template
	// Feed, when set, makes the records in place of Sources and Template;
	// Format, KeySeparator, Delimiter and the Keep options are not for it.
	Feed *Feed

	Format       *Format // of the input; nil is raw
	KeySeparator []byte  // raw and hex: ends a key that stands before the value; nil: no key
	Delimiter    []byte  // raw and hex: ends a record; nil: a newline, or carriage return and newline
	EmptyIsNull  bool    // an empty key or value is sent as null

	// Encode, when set, makes the value that is sent of one that was read. It is
	// not called for null; a record for which it fails is rejected as it was read.
	Encode func(value []byte) ([]byte, error)
	// EncodeKey is Encode for keys. A record goes to the partition of the key
	// that is sent.
	EncodeKey func(key []byte) ([]byte, error)

	Key           []byte         // of every record, unless nil
	Headers       []kafka.Header // of every record, after its own
	Partition     *int32         // of every record, unless nil
	Partitioner   Partitioner    // default Murmur2
	KeepTimestamp bool           // a record's own timestamp counts, where it has one
	KeepPartition bool           // a record's own partition counts; each must have one

	Acks            Acks
	Compression     string        // none, gzip, snappy, lz4 or zstd; default none
	DeliveryTimeout time.Duration // how long a batch is retried; default 30 s
	Rate            Rate
	// TransactionalID makes the records visible together at the end, or every
	// TransactionSize records where that is not 0.
	TransactionalID string
	TransactionSize int64

	// Rejects, when set, gets every rejected record as a line of JSON, and
	// sending goes on. Without it the first one ends the run.
	Rejects io.Writer
	// Rejected is Rejects for who writes them down otherwise; what it is given
	// is valid during the call. An error ends the run.
	Rejected func(Rejected) error

	// Delivered, when set, is told of each record that was acknowledged, in a
	// transaction ahead of its commit. What it is given is valid during the
	// call; records of a partition come in order.
	Delivered func(Delivered)

	// Notice, when set, is told what a person should know meanwhile. It may be
	// called from several goroutines.
	Notice func(text string)
	// Waiting, when set, is called each time all input so far is sent or under
	// way and more is awaited.
	Waiting func()
}

// Written is what one partition took.
type Written struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	First     int64  `json:"first"` // offset of the first record; -1 unknown
	Last      int64  `json:"last"`  // offset of the last record; -1 unknown
}

// ProduceResult is what a run of [Produce] did, also one that failed.
type ProduceResult struct {
	Sent    int64     `json:"sent"`    // records read and handed to the broker
	Acked   int64     `json:"acked"`   // acknowledged and, in a transaction, committed
	Failed  int64     `json:"failed"`  // rejected
	Bytes   int64     `json:"bytes"`   // keys, values and headers of the acknowledged
	Seconds float64   `json:"seconds"` // from the first wait for input to the end
	Offsets []Written `json:"offsets"` // by topic and partition
}

// RecordError is the record that ended the run. It is [ErrRejected]. With all
// acknowledgements everything before it in the input is acknowledged, or, in a
// transaction, everything before the transaction it would have been part of.
type RecordError struct {
	Place Place
	Err   error
}

func (e *RecordError) Error() string { return fmt.Sprintf("%v: %v", e.Place, e.Err) }

// Unwrap gives ErrRejected and the cause.
func (e *RecordError) Unwrap() []error { return []error{ErrRejected, e.Err} }

// UnfinishedError is a run that ended before its input was sent and
// acknowledged: interrupted, or given up.
type UnfinishedError struct {
	Acked  int64 // as in [ProduceResult]
	Unsure int64 // more records that may have been written, their acknowledgement lost
	Resume Place // the first record that is not acknowledged; N is 0 when unknown
	Err    error
}

func (e *UnfinishedError) Error() string {
	text := fmt.Sprintf("%v: %d records acknowledged", e.Err, e.Acked)
	if e.Acked == 1 {
		text = fmt.Sprintf("%v: 1 record acknowledged", e.Err)
	}
	if e.Unsure > 0 {
		text += fmt.Sprintf(", up to %d more written without an answer", e.Unsure)
	}
	return text
}

// Unwrap gives the cause: the context's error, [kafka.ErrUnreachable],
// [ErrFenced], [ErrSequence] or a broker's.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Produce sends the records of the input, in order within a partition. It
// returns once every record is acknowledged, or with what it did until then:
// a [*RecordError] for a record that was not accepted, an [*UnfinishedError]
// when it was cut short, [kafka.ErrUnknownTopic] before anything was read.
//
// When ctx ends, reading stops and what was read is sent; that takes less than
// a second. The client must live longer than ctx for that: open it under a
// context of its own. A read that blocks is left behind; it ends with its
// reader.
func Produce(ctx context.Context, c *kafka.Client, opts ProduceOptions) (ProduceResult, error) {
	p, err := newProducing(ctx, c, opts)
	if err != nil {
		return ProduceResult{Offsets: []Written{}}, err
	}
	return p.run(ctx)
}

func (o ProduceOptions) engine() (engineOptions, error) {
	codec, err := codecOf(o.Compression)
	if err != nil {
		return engineOptions{}, err
	}
	e := engineOptions{acks: sarama.WaitForAll, codec: codec, patience: o.DeliveryTimeout, notice: o.Notice}
	switch o.Acks {
	case AcksLeader:
		e.acks = sarama.WaitForLocal
	case AcksNone:
		e.acks = sarama.NoResponse
	}
	if e.patience <= 0 {
		e.patience = 30 * time.Second
	}
	if e.notice == nil {
		e.notice = func(string) {}
	}
	return e, nil
}
