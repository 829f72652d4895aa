package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What runs on the ledger itself are called in it. They are no actions of chunks.
const (
	Merged  Action = "gc"
	Emptied Action = "reset"
	Rebuilt Action = "rebuild"
)

// DefaultKeepAudit is how long the ledger tells of each transaction by itself.
const DefaultKeepAudit = 400 * 24 * time.Hour

// Merge is what [MergeLedger] did.
type Merge struct {
	Queue    string `json:"dlq"`
	Run      string `json:"run"`
	Chunks   int    `json:"chunks"`   // that were merged
	Kept     int    `json:"kept"`     // that are younger
	Snapshot int    `json:"snapshot"` // records that restate what they said
}

// MergeLedger restates what the ledger says of a queue in a snapshot, and
// deletes the chunks that are older than keep: what became of their letters is
// still known, by which run and to where is not. It works as a run does, under
// the queue's transactional id, so that no replay can miss a chunk that is
// deleted behind its back. The errors are those of [Prepare] and [Plan.Run].
func MergeLedger(ctx context.Context, c *kafka.Client, opts Options, keep time.Duration) (*Merge, error) {
	opts.Action = Merged
	r, err := holdQueue(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	defer r.producer.Close()
	m, err := r.merge(ctx, time.Now().Add(-keep), Running)
	if err != nil {
		return m, err
	}
	return m, r.finish(ctx)
}

// ResetLedger makes the ledger forget what it says of a queue: every letter is
// pending again, whatever was sent. The watermark is written anew with it.
func ResetLedger(ctx context.Context, c *kafka.Client, opts Options) (run string, err error) {
	opts.Action, opts.repairs = Emptied, true
	r, err := holdQueue(ctx, c, opts)
	if err != nil {
		return "", err
	}
	defer r.producer.Close()
	w := &writing{}
	for _, key := range r.state().keys {
		w.tombstone(r.opts.Ledger, key.ledgerKey)
	}
	if err := r.restate(ctx, w, []snapRecord{{}}, Running); err != nil {
		return r.id, err
	}
	return r.id, r.finish(ctx)
}

// RebuildPlan makes a plan that marks those letters of a queue as replayed
// whose replay stands on the topic, for a ledger that was lost. Run it as any
// other; it sends nothing. A topic that is not there is [ErrNoTarget].
func RebuildPlan(ctx context.Context, c *kafka.Client, opts Options, topic string) (*Plan, error) {
	ids, err := replayIDs(ctx, c, topic)
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return nil, errorf(ErrNoTarget, "%s, where the replayed letters would stand: there is no such topic", topic)
	}
	if err != nil {
		return nil, err
	}
	opts.Action, opts.repairs = Rebuilt, true
	opts.filter = func(r *kafka.Record, l *Letter) bool { return ids[letters.ReplayID(*l, r.Key, r.Value)] }
	return Prepare(ctx, c, opts)
}

// replayIDs reads the ids of all replays that stand on a topic.
func replayIDs(ctx context.Context, c *kafka.Client, topic string) (map[string]bool, error) {
	found, err := facts(ctx, c, []string{topic})
	if err != nil {
		return nil, err
	}
	b, err := readBounds(ctx, c, topic, found[topic].partitions)
	if err != nil {
		return nil, err
	}
	from, until := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for part := range found[topic].partitions {
		tp := kafka.TopicPartition{Topic: topic, Partition: part}
		if b.start[part] < b.end[part] {
			from[tp], until[tp] = b.start[part], b.end[part]
		}
	}
	ids := map[string]bool{}
	err = c.ReadUntil(ctx, from, until, readerPatience, kafka.FetchOptions{MaxPartition: 4 << 20}, func(f kafka.Fetched) error {
		for i := range f.Records {
			for _, h := range f.Records[i].Headers {
				if h.Name == letters.HeaderReplayID {
					ids[string(h.Value)] = true
				}
			}
		}
		return nil
	})
	var open *kafka.OpenTransactionError
	if err != nil && !errors.As(err, &open) {
		return nil, fmt.Errorf("reading %s: %w", topic, err)
	}
	return ids, nil
}

// holdQueue takes the queue as a run does, without a plan of letters.
func holdQueue(ctx context.Context, c *kafka.Client, opts Options) (*replayer, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	p := &Plan{Queue: opts.Queue, Ledger: opts.Ledger, Action: opts.Action, Cluster: c.ClusterID(), client: c, opts: opts, targets: map[string]*target{}}
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	r := newReplayer(p)
	if err := r.lookAgain(ctx); err != nil {
		return nil, err
	}
	return r, r.acquire(ctx)
}

// tombstone deletes a record of the ledger.
func (w *writing) tombstone(topic string, key ledgerKey) {
	w.write.Records = append(w.write.Records, kafka.Record{Topic: topic, Key: []byte(key.String())})
}

// restate writes a snapshot, and deletes what it replaces, in one transaction,
// in which the run says how it stands.
func (r *replayer) restate(ctx context.Context, w *writing, parts []snapRecord, state RunState) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	deleted := w.write.Records
	w.write.Records = nil
	for i := range parts {
		s := &parts[i]
		s.T, s.Part, s.Of, s.At = kindSnap, int64(i), int64(len(parts)), now
		if err := w.ledger(r.opts.Ledger, ledgerKey{kind: kindSnap, queue: r.plan.Queue, topicID: r.topicID(), seq: int64(i)}, s); err != nil {
			return err
		}
	}
	for i := int64(len(parts)); i < r.state().parts; i++ {
		w.tombstone(r.opts.Ledger, ledgerKey{kind: kindSnap, queue: r.plan.Queue, topicID: r.topicID(), seq: i})
	}
	// The runs keep the number of their newest chunk, which the watermark names.
	for _, run := range r.state().runs {
		if run.ID == r.id {
			continue
		}
		key := ledgerKey{kind: kindRun, queue: run.Queue, topicID: run.TopicID, run: run.ID}
		if err := w.ledger(r.opts.Ledger, key, run.record(run.State)); err != nil {
			return err
		}
	}
	if err := w.ledger(r.opts.Ledger, r.runKey(), r.runRecord(state, now)); err != nil {
		return err
	}
	w.write.Records = append(w.write.Records, deleted...)
	if r.plan.opts.repairs && !r.opts.AtLeastOnce {
		w.write.Offsets = r.anew()
	}
	w.write.Before = func(ctx context.Context) error { return r.identity.check(ctx, r.client) }
	_, err := r.producer.Commit(ctx, w.write)
	if errors.Is(err, txn.ErrOffsetsRefused) {
		w.write.Offsets = nil
		_, err = r.producer.Commit(ctx, w.write)
	}
	return err
}

// anew is the watermark of a ledger that knows nothing.
func (r *replayer) anew() *txn.Offsets {
	at := map[kafka.TopicPartition]txn.Offset{}
	for part, start := range r.plan.bounds.start {
		at[kafka.TopicPartition{Topic: r.plan.Queue, Partition: int32(part)}] = txn.Offset{
			Offset: start, Metadata: note{ledgerIDText(r.ledger.TopicID), r.id, r.seq}.String(),
		}
	}
	return &txn.Offsets{Group: watermarkGroup(r.plan.Queue), At: at}
}

// finish writes that the run is done.
func (r *replayer) finish(ctx context.Context) error { return r.say(ctx, Done) }

// maxSnapSpans bounds the ranges of one part of a snapshot: a part is far
// smaller than the largest record.
const maxSnapSpans = 50_000

// snapshot restates the resolved letters that the queue still holds or may
// hold, in parts.
func (q *QueueState) snapshot(b *bounds) []snapRecord {
	parts := []snapRecord{{}}
	room := maxSnapSpans
	add := func(action Action, part int32, spans []span, first bool) {
		for len(spans) > 0 {
			if room == 0 {
				parts, room = append(parts, snapRecord{}), maxSnapSpans
			}
			n := min(room, len(spans))
			p := snapPart{chunkPart: chunkPart{Partition: part, Ranges: encodeSpans(spans[:n])}, Action: action}
			if probe, ok := q.probes[part]; ok && first {
				p.Probe, p.Epoch, first = &[3]int64{probe.offset, probe.timestamp, int64(probe.crc)}, probe.epoch, false
			}
			last := &parts[len(parts)-1]
			last.Parts = append(last.Parts, p)
			spans, room = spans[n:], room-n
		}
	}
	for _, part := range q.Resolved.Partitions() {
		start := int64(0)
		if int(part) < len(b.start) {
			start = b.start[part]
		}
		held := func(spans []span) []span { return without(spans, []span{{0, max(0, start-1)}}) }
		if start == 0 {
			held = slices.Clone
		}
		parked, discarded := held(q.Parked.of(part)), held(q.Discarded.of(part))
		sent := without(without(held(q.Resolved.of(part)), parked), discarded)
		add(Replayed, part, sent, true)
		add(Parked, part, parked, len(sent) == 0)
		add(Discarded, part, discarded, len(sent)+len(parked) == 0)
	}
	return parts
}
