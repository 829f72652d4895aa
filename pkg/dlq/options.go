package dlq

import (
	"context"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Outgoing is a letter on its way to its target.
type Outgoing struct {
	// Record is what is sent: with the topic, key, value and headers that it
	// will have. Its partition and timestamp are chosen afterwards.
	Record kafka.Record
	// Letter and Source are the letter as it stands in the queue. They are not
	// to be changed.
	Letter *Letter
	Source *kafka.Record
	// Edited is set by a Transform that changed the content, Rekeyed by one that
	// changed the key, which then says where the letter goes.
	Edited, Rekeyed bool
	// Refused, when set by a Fix, is why the letter stays pending.
	Refused error
}

// The values of [Options.Order].
const (
	OrderKey  = "key"  // letters of one key in the order of their origin, and none past one that stays
	OrderNone = "none" // a letter that stays behind holds no other back
)

// The values of [Options.Superseded].
const (
	SupersededAllow  = "allow"
	SupersededSkip   = "skip"        // leave letters whose key has a newer record on the target
	SupersededLatest = "only-latest" // beside that, of several letters of a key only the newest
)

// The values of [Options.Timestamp].
const (
	TimestampNow      = "now"
	TimestampOriginal = "original"
)

// ToOriginal, as [Options.To], sends each letter to the topic that it says it
// came from.
const ToOriginal = "original"

// ForOriginalGroup, as [Options.ForGroup], is the group that each letter says it failed in.
const ForOriginalGroup = "original"

// DefaultMaxReplays is how often a letter is replayed before it is parked.
const DefaultMaxReplays = 3

// Options say what a run does. Queue is needed; the rest may stay zero.
type Options struct {
	Queue  string // the dead letter queue
	Ledger string // default [DefaultLedger]
	// Action is what becomes of the letters; default [Replayed].
	Action Action
	// ReadOnly makes a plan that nobody is going to run: a run that lives does
	// not stand in its way.
	ReadOnly bool
	// Undo is the run whose letters become pending again, where Action is [Reopened].
	Undo string
	// Tombstone has an undo delete, on targets that are compacted, each key whose
	// newest record is one that the run sent. Another target is [ErrInvalid].
	Tombstone bool

	// Selection says which pending letters are meant.
	Selection Selection
	// filter, when set, leaves letters out beside the selection.
	filter func(*kafka.Record, *Letter) bool
	// repairs says that the ledger is known not to fit, and is being mended.
	repairs bool
	// Approved, when set, is a plan that was made earlier: only letters that it
	// names are taken. One that changes or checks letters needs a Fix that does
	// the same; see [Options.UsePlanFix].
	Approved *PlanFile

	// To is the topic that letters go to: [ToOriginal], a name, or empty for
	// the topic that the queue's name tells of.
	To string
	// ForGroup sends letters to one consumer group: a name or [ForOriginalGroup].
	ForGroup string
	// Partition is empty for the original partition where it still owns its
	// keys and a choice by key elsewhere, or original, or key, or the name of a
	// partitioner: murmur2, crc32, fnv1a.
	Partition  string
	Order      string // [OrderKey] by default
	Superseded string // [SupersededAllow] by default
	Timestamp  string // [TimestampNow] by default
	// MaxReplays parks letters that were replayed so often before; 0 is
	// [DefaultMaxReplays], a negative one parks none.
	MaxReplays int

	// Transform may change what is sent and Validate may refuse it: a letter
	// with an error stays pending, with the error as its reason. They run
	// outside of any transaction, one call at a time, once for the plan in no
	// order and once for the run in the plan's, and must say the same both times.
	Transform func(context.Context, *Outgoing) error
	Validate  func(context.Context, *Outgoing) error
	// Fix does before them what they do, to many letters at once. Its error
	// ends the plan or the run. FixHash names what it does, for the ledger.
	Fix     func(context.Context, []*Outgoing) error
	FixHash string
	// PlanFix is what Fix does as data, for a plan file.
	PlanFix *PlanFix
	// BeforeChunk and AfterChunk run around each transaction while none is
	// open. Their error ends the run as an operator's stop would, and is returned.
	BeforeChunk func(context.Context, ChunkInfo) error
	AfterChunk  func(context.Context, ChunkInfo) error
	// Follow, when set, has a run look now and then what becomes of its letters.
	Follow *FollowOptions
	// FirstChunk bounds the first transaction, as a canary does; 0 does not.
	FirstChunk int

	// Rate bounds letters a second; 0 does not. Ramp are the shares of Rate at
	// which a run begins, each for RampStep.
	Rate     float64
	Ramp     []float64
	RampStep time.Duration // default 30 s
	// MaxLag pauses while LagGroup is further behind on a target; 0 does not.
	MaxLag   int64
	LagGroup string

	// KeepAudit is how long the ledger tells of each transaction by itself, where
	// a run merges it at its end because it has grown; default [DefaultKeepAudit].
	KeepAudit time.Duration
	mergeAt   int // records of the queue

	// Takeover fences a run that lives. AssumeDead goes on after one that ended
	// uncleanly without watching it first.
	Takeover   bool
	AssumeDead bool
	// Operator and Reason stand in the ledger, as they are given.
	Operator string
	Reason   string
	Version  string // of the program

	// Timeout is the transaction's at the broker; default 15 s.
	Timeout time.Duration
	// AtLeastOnce does without transactions: letters first, then the ledger's
	// word on them. A crash between the two sends letters again.
	AtLeastOnce bool
	// Patience is how long a run repeats a step before it stops cleanly; default 2 min.
	Patience time.Duration
	// Mask, when set, gives each record as it may be shown, its error with it.
	Mask func(r *kafka.Record) *kafka.Record
	// Stop, when closed, ends the run after the transaction under way.
	Stop <-chan struct{}
	// Progress is called after each transaction, Notice with a line for a
	// person. Both are called by the goroutine that called Run or Prepare.
	Progress func(Progress)
	Notice   func(text string)
}

// ChunkInfo is one transaction of a run.
type ChunkInfo struct {
	Run     string
	Seq     int64
	Letters int   // that this transaction sends or resolves
	Done    int64 // before it, or with it once it is committed
	Total   int64
	// Targets are where its letters went, once it is committed; the offset is
	// -1 where a broker did not tell.
	Targets []Placement
}

// Placement is where a letter went.
type Placement struct {
	Partition int32  `json:"partition"` // of the queue
	Offset    int64  `json:"offset"`
	Topic     string `json:"to_topic"`
	To        int32  `json:"to_partition"`
	At        int64  `json:"to_offset"` // -1 unknown
}

// Progress is how far a run is.
type Progress struct {
	Run    string
	Done   int64 // letters sent or resolved
	Total  int64
	Behind int64 // of them left pending so far
	// Followed tells that the run knows what became of some of its letters, as
	// [Options.Follow] asks: Passed of those whose group is known, -1 where none
	// is, and DeadAgain.
	Followed          bool
	Passed, DeadAgain int64
}

const (
	defaultTimeout  = 15 * time.Second
	defaultPatience = 2 * time.Minute
	defaultRampStep = 30 * time.Second
)

func (o Options) withDefaults() Options {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&o.Ledger, DefaultLedger)
	set(&o.Order, OrderKey)
	set(&o.Superseded, SupersededAllow)
	set(&o.Timestamp, TimestampNow)
	set(&o.Operator, operator())
	if o.Action == "" {
		o.Action = Replayed
	}
	if o.MaxReplays == 0 {
		o.MaxReplays = DefaultMaxReplays
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.KeepAudit <= 0 {
		o.KeepAudit = DefaultKeepAudit
	}
	if o.mergeAt <= 0 {
		o.mergeAt = mergeAt
	}
	if o.RampStep <= 0 {
		o.RampStep = defaultRampStep
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// check finds what is wrong on any cluster.
func (o *Options) check() error {
	switch {
	case o.Queue == "":
		return errorf(ErrInvalid, "no dead letter queue named")
	case o.Queue == o.Ledger:
		return errorf(ErrInvalid, "%s is the ledger", o.Queue)
	case o.To == o.Queue:
		return errorf(ErrInvalid, "%s cannot be replayed to itself", o.Queue)
	case o.Order != OrderKey && o.Order != OrderNone:
		return errorf(ErrInvalid, "order %q: want key or none", o.Order)
	case o.Superseded != SupersededAllow && o.Superseded != SupersededSkip && o.Superseded != SupersededLatest:
		return errorf(ErrInvalid, "superseded %q: want skip, only-latest or allow", o.Superseded)
	case o.Timestamp != TimestampNow && o.Timestamp != TimestampOriginal:
		return errorf(ErrInvalid, "timestamp %q: want now or original", o.Timestamp)
	case o.Rate < 0:
		return errorf(ErrInvalid, "rate %g: want a number above 0", o.Rate)
	case o.MaxLag > 0 && o.LagGroup == "":
		return errorf(ErrInvalid, "max lag of no group")
	case o.Action == Reopened && o.Undo == "":
		return errorf(ErrInvalid, "no run named to undo")
	case o.Tombstone && o.AtLeastOnce:
		return errorf(ErrInvalid, "tombstones without transactions could delete what is newer")
	}
	if _, err := partitionerNamed(o.Partition); err != nil {
		return err
	}
	return o.Selection.Check()
}

// transactionalID is the id under which a queue is replayed: whoever holds it
// is the only one who can.
func transactionalID(queue string) string { return WatermarkPrefix + queue }

// watermarkGroup is the consumer group whose offsets say how far a queue is
// resolved, for dashboards that know lag only.
func watermarkGroup(queue string) string { return WatermarkPrefix + queue }

// sends tells whether letters of the action go anywhere.
func (a Action) sends() bool { return a == Replayed || a == Edited }
