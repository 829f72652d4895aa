package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// maxTemplate bounds a template's text.
const maxTemplate = 16 << 20

// producerFlags are the command line of producer.
type producerFlags struct {
	schemaFlags
	topic           string
	key             string
	headers         []string
	partition       int32
	partitioner     string
	keySep          string
	delimiter       string
	emptyIsNull     bool
	compression     string
	acks            string
	format          string
	files           []string
	rate            string
	transactionalID string
	txBatch         int64
	keepTimestamp   bool
	keepPartition   bool
	topicFromRecord bool
	onError         string
	rejects         string
	template        string
	count           int64
	seed            uint64
	deliveryTimeout time.Duration
	output          string

	given func(flag string) bool
}

func (f *producerFlags) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&f.key, "key", "k", "", "`key` of every record")
	s.StringArrayVarP(&f.headers, "header", "H", nil, "header of every record, as `name=value` (repeatable)")
	s.Int32VarP(&f.partition, "partition", "p", 0, "`partition` of every record")
	s.StringVar(&f.partitioner, "partitioner", string(console.Murmur2), "how a key finds its partition: `murmur2`, fnv1a, crc32, random, round-robin or manual (the record names it)")
	s.StringVarP(&f.keySep, "key-separator", "K", "", "`text` that ends a key before the value on each line; escapes as in -f")
	s.StringVarP(&f.delimiter, "delimiter", "D", "", "`text` that ends a record in place of a newline; escapes as in -f")
	s.BoolVarP(&f.emptyIsNull, "null", "Z", false, "send an empty key or value as null")
	s.StringVarP(&f.compression, "compress", "z", "none", "compression: `none`, gzip, snappy, lz4 or zstd")
	s.StringVar(&f.acks, "acks", "all", "replicas that acknowledge: `all`, 1 or 0; only all is free of loss and duplicates")
	s.StringVarP(&f.format, "format", "f", "raw", "input `format`: raw, hex, jsonl, or percent verbs such as '%k\\t%v\\n'")
	s.StringArrayVar(&f.files, "file", nil, "input `file` in place of standard input, - for it (repeatable)")
	s.StringVar(&f.rate, "rate", "", "bound as `500/s` records or 5MB/s bytes")
	s.StringVar(&f.transactionalID, "transactional-id", "", "send in a transaction under this `id`: all records become visible, or none")
	s.Int64Var(&f.txBatch, "tx-batch", 0, "commit every `N` records (default: once, at the end)")
	s.BoolVar(&f.keepTimestamp, "keep-timestamp", false, "keep the timestamps of the input's records")
	s.BoolVar(&f.keepPartition, "keep-partition", false, "keep the partitions of the input's records")
	s.BoolVar(&f.topicFromRecord, "topic-from-record", false, "send each record to the topic it names; TOPIC is for the others")
	s.StringVar(&f.onError, "on-error", "stop", "after a record that is not accepted: `stop` or skip")
	s.StringVar(&f.rejects, "rejects", "", "`file` for the records that --on-error skip leaves out, to be sent again with -f jsonl")
	s.StringVar(&f.template, "template", "", "make records up from the template in `file`")
	s.Int64Var(&f.count, "count", 1, "records to make from the template")
	s.Uint64Var(&f.seed, "seed", 0, "`seed` of the template's random values (default: a new one, shown)")
	s.DurationVar(&f.deliveryTimeout, "delivery-timeout", 30*time.Second, "how long to retry what a broker does not acknowledge")
	meant(s, "file", "rate", "transactional-id", "tx-batch", "rejects", "template")
	var partitioners []string
	for _, p := range console.Partitioners() {
		partitioners = append(partitioners, string(p))
	}
	f.schemaFlags.bind(cmd)
	completeValues(cmd, "partitioner", partitioners...)
	completeValues(cmd, "compress", "none", "gzip", "snappy", "lz4", "zstd")
	completeValues(cmd, "acks", "all", "1", "0")
	completeValues(cmd, "on-error", "stop", "skip")
	completeValues(cmd, "format", "raw", "hex", "jsonl")
}

// options checks the flags and turns them into the package's own.
func (f *producerFlags) options() (console.ProduceOptions, error) {
	o := console.ProduceOptions{
		Topic: f.topic, TopicFromRecord: f.topicFromRecord, EmptyIsNull: f.emptyIsNull, Count: f.count,
		KeepTimestamp: f.keepTimestamp, KeepPartition: f.keepPartition, DeliveryTimeout: f.deliveryTimeout,
		TransactionalID: f.transactionalID, TransactionSize: f.txBatch, Compression: f.compression,
	}
	if err := f.conflicts(); err != nil {
		return o, err
	}
	var err error
	if o.Format, err = console.ParseFormat(f.format, console.Input); err != nil {
		return o, usagef("--format: %w", err)
	}
	lines := o.Format.Keyword == console.Raw || o.Format.Keyword == console.Hex
	if !lines && (f.given("key-separator") || f.given("delimiter")) {
		return o, usagef("--key-separator and --delimiter are for -f raw and hex; %s has its own", f.format)
	}
	if o.KeySeparator, err = f.separator("key-separator", f.keySep); err != nil {
		return o, err
	}
	if o.Delimiter, err = f.separator("delimiter", f.delimiter); err != nil {
		return o, err
	}
	if f.given("key") {
		o.Key = append([]byte{}, f.key...)
	}
	if f.given("partition") {
		if f.partition < 0 {
			return o, usagef("--partition %d: want a number from 0", f.partition)
		}
		o.Partition = &f.partition
	}
	if o.Headers, err = f.parseHeaders(); err != nil {
		return o, err
	}
	if o.Partitioner, err = console.ParsePartitioner(f.partitioner); err != nil {
		return o, usagef("--partitioner: %w", err)
	}
	if f.rate != "" {
		if o.Rate, err = console.ParseRate(f.rate); err != nil {
			return o, usagef("--rate: %w", err)
		}
	}
	o.Acks, err = f.parseAcks()
	return o, err
}

// conflicts finds flags that contradict each other.
func (f *producerFlags) conflicts() error {
	for _, pair := range [][2]string{
		{"key", "key-separator"}, {"partition", "keep-partition"}, {"partition", "partitioner"}, {"keep-partition", "partitioner"},
		{"file", "template"},
	} {
		if f.given(pair[0]) && f.given(pair[1]) {
			return usagef("--%s and --%s cannot be used together", pair[0], pair[1])
		}
	}
	for _, needs := range [][2]string{{"tx-batch", "transactional-id"}, {"count", "template"}, {"seed", "template"}} {
		if f.given(needs[0]) && !f.given(needs[1]) {
			return usagef("--%s needs --%s", needs[0], needs[1])
		}
	}
	switch {
	case f.onError != "stop" && f.onError != "skip":
		return usagef("--on-error %q: want stop or skip", f.onError)
	case f.onError == "skip" && f.rejects == "":
		return usagef("--on-error skip needs --rejects: without it the records would be lost")
	case f.onError == "stop" && f.rejects != "":
		return usagef("--rejects needs --on-error skip")
	case f.given("tx-batch") && f.txBatch < 1:
		return usagef("--tx-batch %d: want at least 1", f.txBatch)
	case f.given("transactional-id") && f.transactionalID == "":
		return usagef("--transactional-id is empty")
	case f.count < 0:
		return usagef("--count %d: want at least 0", f.count)
	case f.deliveryTimeout <= 0:
		return usagef("--delivery-timeout %v: want more than 0", f.deliveryTimeout)
	}
	switch f.compression {
	case "none", "gzip", "snappy", "lz4", "zstd":
		return nil
	}
	return usagef("--compress %q: want none, gzip, snappy, lz4 or zstd", f.compression)
}

func (f *producerFlags) parseAcks() (console.Acks, error) {
	switch f.acks {
	case "all", "-1":
		return console.AcksAll, nil
	case "1", "0":
		if f.transactionalID != "" {
			return 0, usagef("--acks %s: a transaction needs all", f.acks)
		}
		if f.acks == "1" {
			return console.AcksLeader, nil
		}
		return console.AcksNone, nil
	}
	return 0, usagef("--acks %q: want all, 1 or 0", f.acks)
}

func (f *producerFlags) parseHeaders() ([]kafka.Header, error) {
	var headers []kafka.Header
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, usagef("--header %q: want name=value", h)
		}
		headers = append(headers, kafka.Header{Name: name, Value: append([]byte{}, value...)})
	}
	return headers, nil
}

// separator reads the escapes \t \n \r \0 \\ and \xNN.
func (f *producerFlags) separator(flag, text string) ([]byte, error) {
	if !f.given(flag) {
		return nil, nil
	}
	if text == "" {
		return nil, usagef("--%s is empty", flag)
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		switch {
		case i == len(text):
			return nil, usagef("--%s %q: nothing follows the backslash", flag, text)
		case text[i] == 'x' && i+2 < len(text):
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return nil, usagef("--%s %q: \\x needs two hexadecimal digits", flag, text)
			}
			out = append(out, byte(n))
			i += 2
		default:
			at := strings.IndexByte(`tnr0\`, text[i])
			if at < 0 {
				return nil, usagef("--%s %q: unknown escape: want \\t, \\n, \\r, \\0, \\\\ or \\xNN", flag, text)
			}
			out = append(out, "\t\n\r\x00\\"[at])
		}
	}
	return out, nil
}

// remedy is the next step after the record that ended the run.
func (f *producerFlags) remedy(record *console.RecordError) string {
	from := fmt.Sprintf("mend it and go on with %v", record.Place)
	if f.transactionalID != "" {
		from = "mend it and run again; the open transaction was aborted"
	}
	return from + ", or leave such records out with: --on-error skip --rejects FILE"
}

func readBounded(ctx context.Context, name string) ([]byte, error) {
	file, err := openUntil(ctx, name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(fileUntil(ctx, file), maxTemplate+1))
	return text, errors.Join(err, file.Close())
}

func randomSeed() uint64 { return uint64(rand.Uint32()) }
