package dlq

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Ledger is what the ledger topic said when it was read. It may be read by
// several goroutines at once, but not while it is advanced.
type Ledger struct {
	Topic   string
	TopicID string
	// End is the offset up to which it was read. Open is nil, or the open
	// transaction that kept the rest from a reader in a hurry.
	End  int64
	Open *kafka.OpenTransactionError

	only   string // the queue to keep, "" all
	detail bool   // keep the chunks too
	queues map[queueKey]*QueueState
}

type queueKey struct{ queue, topicID string }

// QueueState is what the ledger says of one queue under one topic id.
type QueueState struct {
	Queue   string
	TopicID string
	// Resolved are the letters that need nothing more, for whatever reason;
	// Parked and Discarded those of them that were not sent.
	Resolved, Parked, Discarded Resolved

	runs   map[string]*Run
	probes map[int32]probe
	chunks []chunk            // where detail is wanted, in the order of the ledger
	keys   []datedKey         // of every chunk
	gone   map[ledgerKey]bool // chunks that were deleted, until sweep
	parts  int64              // of the newest snapshot
}

// datedKey is a chunk and when it was written.
type datedKey struct {
	ledgerKey
	at time.Time
}

// probe is a letter as it stood in its queue when a chunk named it.
type probe struct {
	offset    int64
	timestamp int64 // milliseconds
	crc       uint32
	epoch     int32
}

// chunk is one chunk record with its letters decoded.
type chunk struct {
	key    ledgerKey
	record chunkRecord
	spans  map[int32][]span
}

// Queue gives what the ledger says of the queue, which is empty and not nil
// where it says nothing.
func (l *Ledger) Queue(queue, topicID string) *QueueState {
	if topicID == "" {
		topicID = noTopicID
	}
	if q := l.queues[queueKey{queue, topicID}]; q != nil {
		return q
	}
	return &QueueState{Queue: queue, TopicID: topicID}
}

// Former counts the letters that the ledger names for earlier topics of the
// queue's name, which do not count for the one with this id.
func (l *Ledger) Former(queue, topicID string) int64 {
	if topicID == "" {
		topicID = noTopicID
	}
	n := int64(0)
	for key, q := range l.queues {
		if key.queue == queue && key.topicID != topicID {
			for _, p := range q.Resolved.Partitions() {
				n += q.Resolved.Count(p, 0, maxOffset)
			}
		}
	}
	return n
}

// Queues lists every queue that the ledger names, by name.
func (l *Ledger) Queues() []*QueueState {
	return slices.SortedFunc(maps.Values(l.queues), func(a, b *QueueState) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.TopicID, b.TopicID))
	})
}

// Runs lists the runs on queues of this name ("" all), under any topic id, the
// newest first.
func (l *Ledger) Runs(queue string) []Run {
	list := []Run{}
	for _, q := range l.queues {
		if queue != "" && q.Queue != queue {
			continue
		}
		for _, r := range q.runs {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(a, b Run) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.ID, a.ID)) })
	return list
}

// Run gives one run, and nil where the ledger does not know it.
func (l *Ledger) Run(id string) *Run {
	for _, q := range l.queues {
		if r := q.runs[id]; r != nil {
			found := *r
			return &found
		}
	}
	return nil
}

// latest is the run of the queue whose record is the newest, nil without any.
func (q *QueueState) latest() *Run {
	var newest *Run
	for _, r := range q.runs {
		if newest == nil || r.at > newest.at {
			newest = r
		}
	}
	return newest
}

// take folds one record in. Records must come in the order of the ledger.
func (l *Ledger) take(rec kafka.Record) error {
	key, err := parseLedgerKey(rec.Key)
	switch {
	case err != nil || l.only != "" && l.only != key.queue:
	case rec.Value == nil:
		l.state(key).drop(key)
	default:
		err = l.fold(key, rec)
	}
	if err != nil {
		return errorf(ErrConflict, "%s: offset %d: %v", l.Topic, rec.Offset, err)
	}
	return nil
}

func (l *Ledger) fold(key ledgerKey, rec kafka.Record) error {
	q := l.state(key)
	switch key.kind {
	case kindRun:
		var r runRecord
		if err := decodeLedger(rec.Value, kindRun, &r); err != nil {
			return err
		}
		q.takeRun(key, r, rec.Offset)
	case kindChunk:
		c := chunk{key: key}
		if err := decodeLedger(rec.Value, kindChunk, &c.record); err != nil {
			return err
		}
		if c.record.Run != key.run || c.record.Seq != key.seq {
			return fmt.Errorf("its key and its value name different chunks")
		}
		spans, err := c.record.letters()
		if err != nil {
			return err
		}
		c.spans = spans
		q.takeChunk(c, l.detail, rec.Offset)
	case kindSnap:
		var s snapRecord
		if err := decodeLedger(rec.Value, kindSnap, &s); err != nil {
			return err
		}
		return q.takeSnap(s)
	}
	return nil
}

// drop forgets a record that was deleted. What it said of letters was restated
// before.
func (q *QueueState) drop(key ledgerKey) {
	switch key.kind {
	case kindRun:
		delete(q.runs, key.run)
	case kindChunk:
		if q.gone == nil {
			q.gone = map[ledgerKey]bool{}
		}
		q.gone[key] = true
	}
}

// sweep leaves the chunks that are still there.
func (l *Ledger) sweep() {
	for _, q := range l.queues {
		if len(q.gone) > 0 {
			q.keys = slices.DeleteFunc(q.keys, func(k datedKey) bool { return q.gone[k.ledgerKey] })
			q.chunks = slices.DeleteFunc(q.chunks, func(c chunk) bool { return q.gone[c.key] })
			q.gone = nil
		}
	}
}

func (l *Ledger) state(key ledgerKey) *QueueState {
	if l.queues == nil {
		l.queues = map[queueKey]*QueueState{}
	}
	id := queueKey{key.queue, key.topicID}
	q := l.queues[id]
	if q == nil {
		q = &QueueState{Queue: key.queue, TopicID: key.topicID, runs: map[string]*Run{}, probes: map[int32]probe{}}
		l.queues[id] = q
	}
	return q
}

func (q *QueueState) run(id string) *Run {
	r := q.runs[id]
	if r == nil {
		r = &Run{ID: id, Queue: q.Queue, TopicID: q.TopicID, State: Stopped}
		q.runs[id] = r
	}
	return r
}

func (q *QueueState) takeRun(key ledgerKey, rec runRecord, at int64) {
	r := q.run(key.run)
	*r = Run{
		ID: key.run, Queue: q.Queue, TopicID: q.TopicID, State: rec.State, Action: rec.Action, Op: rec.Op, Host: rec.Host, PID: rec.PID,
		Version: rec.Version, Reason: rec.Reason, Selection: rec.Select, To: rec.To, Cluster: rec.Cluster, Timestamp: rec.Stamps, Plan: rec.Plan,
		Seq: max(r.Seq, rec.Seq), Done: max(r.Done, rec.Done), Started: rec.Started, Heartbeat: rec.Beat,
		machine: rec.Machine, process: rec.Process, ends: rec.Ends, at: at,
	}
}

func (q *QueueState) takeChunk(c chunk, detail bool, at int64) {
	r := q.run(c.key.run)
	if c.key.seq > r.Seq {
		r.Seq = c.key.seq
		r.Done += c.record.N
	}
	r.at = max(r.at, at)
	if c.record.At.After(r.Heartbeat) {
		r.Heartbeat = c.record.At
	}
	if r.Action == "" {
		r.Action, r.Op, r.To = c.record.Action, c.record.Op, c.record.To
	}
	for _, p := range c.record.Parts {
		q.mark(c.record.Action, p.Partition, c.spans[p.Partition])
		q.probe(p)
	}
	q.keys = append(q.keys, datedKey{c.key, c.record.At})
	if detail {
		q.chunks = append(q.chunks, c)
	}
}

func (q *QueueState) probe(p chunkPart) {
	if p.Probe != nil {
		q.probes[p.Partition] = probe{offset: p.Probe[0], timestamp: p.Probe[1], crc: uint32(p.Probe[2]), epoch: p.Epoch}
	}
}

// mark says that an action was the last to name these letters.
func (q *QueueState) mark(action Action, partition int32, spans []span) {
	q.Parked.remove(partition, spans)
	q.Discarded.remove(partition, spans)
	switch action {
	case Reopened:
		q.Resolved.remove(partition, spans)
		return
	case Parked:
		q.Parked.add(partition, spans)
	case Discarded:
		q.Discarded.add(partition, spans)
	}
	q.Resolved.add(partition, spans)
}

// takeSnap starts anew with the first part of a snapshot. Chunks that stand
// before it are there for those who ask what became of one letter.
func (q *QueueState) takeSnap(s snapRecord) error {
	if s.Part == 0 {
		q.Resolved, q.Parked, q.Discarded = Resolved{}, Resolved{}, Resolved{}
		q.parts = max(s.Of, 1)
	}
	for _, p := range s.Parts {
		spans, err := decodeSpans(p.Ranges)
		if err != nil || p.Partition < 0 || !p.Action.known() {
			return fmt.Errorf("partition %d of a snapshot: %w", p.Partition, errRanges)
		}
		q.mark(p.Action, p.Partition, spans)
		q.probe(p.chunkPart)
	}
	return nil
}
