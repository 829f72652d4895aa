package dlq

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Action is what a chunk of the ledger did to the letters that it names. The
// last chunk that names a letter counts.
type Action string

// The actions.
const (
	Replayed  Action = "replay"  // sent to its target
	Edited    Action = "edit"    // sent to its target with another content
	Discarded Action = "discard" // given up
	Parked    Action = "park"    // taken out of replays, and kept
	Reopened  Action = "reopen"  // pending again
)

func (a Action) known() bool {
	switch a {
	case Replayed, Edited, Discarded, Parked, Reopened:
		return true
	}
	return false
}

// RunState is how a run stands.
type RunState string

// The states of a run.
const (
	Running RunState = "running"
	Done    RunState = "done"
	Stopped RunState = "stopped" // by its operator, or by what it met
	Fenced  RunState = "fenced"  // another one took over
)

// Run is what the ledger tells of one run. Op is what the operator said of
// themselves: a record and no proof.
type Run struct {
	ID        string    `json:"run"`
	Queue     string    `json:"dlq"`
	TopicID   string    `json:"topic_id"`
	State     RunState  `json:"state"`
	Action    Action    `json:"action"`
	Op        string    `json:"operator"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Version   string    `json:"version,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Selection string    `json:"selection,omitempty"`
	To        string    `json:"to,omitempty"`
	Cluster   string    `json:"cluster,omitempty"`
	Timestamp string    `json:"timestamp,omitempty"` // of what it sends, empty for the time of sending
	Plan      int64     `json:"plan"`
	Seq       int64     `json:"seq"`  // of its newest chunk
	Done      int64     `json:"done"` // letters that it resolved or reopened
	Started   time.Time `json:"started"`
	Heartbeat time.Time `json:"heartbeat"`

	machine string
	process string
	ends    []int64 // of the queue's partitions when it was planned, nil where nobody told
	at      int64   // where in the ledger its newest record stands
}

// runRecord is the value of a run record.
type runRecord struct {
	T       string    `json:"t"`
	State   RunState  `json:"st"`
	Action  Action    `json:"act,omitempty"`
	Op      string    `json:"op"`
	Host    string    `json:"host"`
	Machine string    `json:"m,omitempty"` // this boot of this machine
	PID     int       `json:"pid"`
	Process string    `json:"ps,omitempty"` // when the process started, by the machine's own count
	Version string    `json:"ver,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Select  string    `json:"sel,omitempty"`
	To      string    `json:"to,omitempty"`
	Cluster string    `json:"cluster,omitempty"`
	Stamps  string    `json:"ts,omitempty"`
	Plan    int64     `json:"plan"`
	Seq     int64     `json:"seq"`
	Done    int64     `json:"done"`
	Started time.Time `json:"began"`
	Beat    time.Time `json:"hb"`
	Ends    []int64   `json:"ends,omitempty"` // of the queue's partitions when it was planned
}

// chunkRecord is the value of a chunk record.
type chunkRecord struct {
	T      string      `json:"t"`
	Action Action      `json:"act"`
	Run    string      `json:"run"`
	Seq    int64       `json:"seq"`
	Op     string      `json:"op"`
	At     time.Time   `json:"at"`
	To     string      `json:"to,omitempty"` // one topic; letters of two are two chunks
	N      int64       `json:"n"`
	Fix    string      `json:"fix,omitempty"` // hash of what changed the letters
	Sum    string      `json:"sum,omitempty"` // xxh64 of the letters as they stand in the queue
	Parts  []chunkPart `json:"p,omitempty"`
	// Out tells where letters of earlier chunks of the run went: offsets are
	// known only after a transaction's records are acknowledged.
	Out []chunkOut `json:"out,omitempty"`
}

// chunkPart names letters of one partition of the queue.
type chunkPart struct {
	Partition int32     `json:"p"`
	Ranges    string    `json:"r"`
	Probe     *[3]int64 `json:"probe,omitempty"` // offset, timestamp in ms and CRC-32C of the first
	Epoch     int32     `json:"le"`
}

// chunkOut tells where the letters of one chunk went.
type chunkOut struct {
	Seq   int64     `json:"seq"`
	Parts []outPart `json:"p"`
}

type outPart struct {
	Partition int32  `json:"p"`
	Places    string `json:"o"` // in the order of the chunk's letters
}

// snapRecord is the value of one part of a snapshot: the resolved letters of
// some partitions, by action.
type snapRecord struct {
	T     string     `json:"t"`
	Part  int64      `json:"part"`
	Of    int64      `json:"of"`
	At    time.Time  `json:"at"`
	Parts []snapPart `json:"p"`
}

type snapPart struct {
	chunkPart
	Action Action `json:"act"`
}

// maxLedgerValue bounds a value that is read; none that is written comes near.
const maxLedgerValue = 8 << 20

// decodeLedger reads a value of the wanted kind. Unknown members pass: a later
// release may add some without a new version.
func decodeLedger(value []byte, kind string, into any) error {
	if len(value) > maxLedgerValue {
		return errorf(ErrConflict, "ledger record of %d bytes", len(value))
	}
	var head struct {
		T string `json:"t"`
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	if err := dec.Decode(into); err != nil {
		return errorf(ErrConflict, "malformed %s record: %v", kind, err)
	}
	switch r := into.(type) {
	case *runRecord:
		head.T = r.T
	case *chunkRecord:
		head.T = r.T
	case *snapRecord:
		head.T = r.T
	}
	if head.T != kind {
		return errorf(ErrConflict, "%s record says that it is a %q", kind, clip(head.T))
	}
	return nil
}

// letters decodes the ranges of a chunk and holds them against its count.
func (c *chunkRecord) letters() (map[int32][]span, error) {
	if !c.Action.known() {
		return nil, errorf(ErrConflict, "action %q, which this manage-kafka does not know", clip(string(c.Action)))
	}
	return decodeParts(c.Parts, c.N)
}

func decodeParts(parts []chunkPart, want int64) (map[int32][]span, error) {
	all := make(map[int32][]span, len(parts))
	n := int64(0)
	for _, p := range parts {
		spans, err := decodeSpans(p.Ranges)
		if err != nil || p.Partition < 0 || all[p.Partition] != nil {
			return nil, errorf(ErrConflict, "partition %d: %v", p.Partition, errRanges)
		}
		for _, s := range spans {
			if n += s.count(); n > math.MaxInt64/8 {
				return nil, errorf(ErrConflict, "partition %d: %v", p.Partition, errRanges)
			}
		}
		all[p.Partition] = spans
	}
	if want >= 0 && n != want {
		return nil, errorf(ErrConflict, "names %d letters and counts %d", n, want)
	}
	return all, nil
}

// encode makes the value of a record. Its types hold nothing that JSON cannot.
func encodeLedger(record any) ([]byte, error) { return json.Marshal(record) }
