package console

import (
	"context"
	"errors"
	"io"
	"regexp"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Order says how records of several partitions are mixed. Those of one
// partition keep their order in any case.
type Order byte

// The orders.
const (
	ByPartition Order = iota // as they arrive
	ByTime                   // merged by timestamp, over a bounded window
)

// ConsumeOptions say what [Consume] reads. Only a topic or pattern must be given.
type ConsumeOptions struct {
	// Topics are read by name.
	Topics []string
	// Pattern, when set, adds every topic whose whole name it matches, also
	// those that are made while following. Internal topics are left out.
	Pattern *regexp.Regexp
	// Partitions restricts reading to these; empty is all.
	Partitions []int32
	// Range is the part of each partition that is read.
	Range Range
	// ExitAtEnd ends at the end that every partition has when reading begins.
	// Where Range has no beginning it is the start then.
	ExitAtEnd bool
	// Tail, when positive, reads the last Tail wanted records of all
	// partitions together, in time order, and ends.
	Tail int
	// Max, when positive, ends after so many records in total.
	Max int64
	// Filter says which records are wanted; nil wants all.
	Filter *Filter
	// Decode, when set, may change a record before it is filtered and written.
	// It is called by one goroutine at a time; its error ends the run.
	Decode func(ctx context.Context, r *kafka.Record) error
	// Order mixes partitions.
	Order Order
	// Isolation is which records are visible; the zero value shows committed ones.
	Isolation kafka.Isolation
	// IdleTimeout, when positive, ends when nothing was written for so long.
	IdleTimeout time.Duration
	// Refresh is how often following looks for new topics and partitions, and
	// for deleted ones; default 5 s.
	Refresh time.Duration
	// Group reads as a member of a consumer group instead.
	Group *GroupOptions
	// Notice is told what a person should know meanwhile, such as a lost
	// broker. It may be called from several goroutines, never after Consume
	// returned.
	Notice func(text string)

	maxWait time.Duration // of a fetch that finds nothing
}

// Summary says what Consume did. It counts also when Consume fails.
type Summary struct {
	// Read counts the records that came, Written those that were wanted and
	// are written to the output whole.
	Read, Written int64
	// Uncertain is true when the output did not take the last write in time,
	// so that more than Written may have come through.
	Uncertain bool
	// PastEnd is not empty when reading was to begin after the end of every
	// partition, and to end there: it says what they hold.
	PastEnd string
	// FilterError is the first error of a jq expression on a record, nil without one.
	FilterError error
}

// What callers of Consume test for, beside the errors of package kafka.
var (
	// ErrNoTopics is a pattern that matches no topic.
	ErrNoTopics = errors.New("no topic matches")
	// ErrNoPartition is a wanted partition that no topic has.
	ErrNoPartition = errors.New("no such partition")
	// ErrDeleted is the last of the topics being read having been deleted.
	ErrDeleted = errors.New("topic was deleted")
	// ErrGroupType is a group whose members do not go together with this one.
	ErrGroupType = errors.New("group cannot be joined")
)

// Consume reads records and writes what p makes of them to out, until the
// options end it, or ctx: then it writes what it has and returns the context's
// error within a second. A write error of out ends it and comes back as it is.
func Consume(ctx context.Context, c *kafka.Client, out io.Writer, p *Printer, opts ConsumeOptions) (Summary, error) {
	if opts.Notice == nil {
		opts.Notice = func(string) {}
	}
	if opts.Refresh <= 0 {
		opts.Refresh = 5 * time.Second
	}
	if err := opts.Check(); err != nil {
		return Summary{}, err
	}
	if opts.Range.From.Anchor == Unset && (opts.ExitAtEnd || opts.Tail > 0) {
		opts.Range.From.Anchor = FromStart
	}
	if opts.Filter == nil {
		opts.Filter = &Filter{}
	}
	s := newSink(out, p, opts)
	defer s.close()
	err := s.consume(ctx, c)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	s.summary.FilterError = opts.Filter.jqErr
	return s.summary, err
}

func (s *sink) consume(ctx context.Context, c *kafka.Client) error {
	if s.opts.Tail > 0 {
		return tail(ctx, c, s, s.opts)
	}
	if s.opts.Group != nil {
		return s.drain(ctx, &groupSource{client: c, opts: s.opts, out: s.in})
	}
	l, err := newLeaderSource(ctx, c, s.opts, s.in)
	if err != nil {
		return err
	}
	s.summary.PastEnd = l.past
	return s.drain(ctx, l)
}

// source delivers chunks to a sink until it is done or its context ends. It
// returns only after its goroutines ended.
type source interface {
	run(ctx context.Context) error
}

// chunk is a run of records of one partition on their way to the sink.
type chunk struct {
	tp       kafka.TopicPartition
	records  []kafka.Record
	caughtUp bool // nothing more is there yet
	ended    bool // nothing more will come
	cursor   *cursor
	// next is where reading goes on behind the records: past markers of
	// transactions and aborted records. 0 where records were left out.
	next int64
	// written, when set, is told how many of the records were taken, once
	// those that are wanted are written to the output.
	written func(n int)
}
