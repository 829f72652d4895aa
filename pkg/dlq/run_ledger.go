package dlq

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// chunkSet is the letters of a transaction that one chunk record names: of one
// action and for one topic.
type chunkSet struct {
	action  Action
	to      string
	members []member
}

// member is a letter of a chunk or a twin of one.
type member struct {
	coordinate
	letter *planned
	index  int // of the letter in the transaction
	twin   bool
}

// chunkSets sorts the letters of a transaction into chunks, each with its
// letters by partition and offset.
func chunkSets(action Action, todo []*planned) []chunkSet {
	var sets []chunkSet
	for i, l := range todo {
		act := action
		if act == Rebuilt {
			act = Replayed
		}
		if l.edited && action == Replayed {
			act = Edited
		}
		at := slices.IndexFunc(sets, func(s chunkSet) bool { return s.action == act && s.to == l.record.Topic })
		if at < 0 {
			at = len(sets)
			sets = append(sets, chunkSet{action: act, to: l.record.Topic})
		}
		s := &sets[at]
		s.members = append(s.members, member{coordinate: coordinate{l.part, l.offset}, letter: l, index: i})
		for _, twin := range l.twins {
			s.members = append(s.members, member{coordinate: twin, letter: l, index: i, twin: true})
		}
	}
	for _, s := range sets {
		slices.SortFunc(s.members, func(a, b member) int {
			return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.offset, b.offset))
		})
	}
	return sets
}

// chunk makes the ledger record that names the letters of a set.
func (r *replayer) chunk(s chunkSet, now time.Time) *chunkRecord {
	c := &chunkRecord{T: kindChunk, Action: s.action, Run: r.id, Op: r.opts.Operator, At: now.UTC().Truncate(time.Millisecond), To: s.to, N: int64(len(s.members))}
	if s.action == Edited {
		c.Fix = r.opts.FixHash
	}
	var sum xxhash.Digest
	sum.Reset()
	for len(s.members) > 0 {
		part := s.members[0].part
		n := slices.IndexFunc(s.members, func(m member) bool { return m.part != part })
		if n < 0 {
			n = len(s.members)
		}
		offsets := make([]int64, n)
		p := chunkPart{Partition: part}
		for i, m := range s.members[:n] {
			offsets[i] = m.offset
			_, _ = sum.Write(binary.BigEndian.AppendUint64(nil, m.letter.sum))
			if p.Probe == nil && !m.twin {
				found := probeOf(m.letter.source)
				p.Probe, p.Epoch = &[3]int64{m.offset, found.timestamp, int64(found.crc)}, found.epoch
			}
		}
		p.Ranges = encodeSpans(spansOf(offsets))
		c.Parts = append(c.Parts, p)
		s.members = s.members[n:]
	}
	c.Sum = hex.EncodeToString(sum.Sum(nil))
	return c
}

// outOf tells where the letters of a chunk went, nil where nothing went anywhere.
func outOf(c *chunkRecord, s chunkSet, offsets []int64, action Action) *chunkOut {
	if !action.sends() {
		return nil
	}
	out := &chunkOut{Seq: c.Seq}
	var places []place
	for i, m := range s.members {
		places = append(places, place{m.letter.record.Partition, offsets[m.index]})
		if i+1 == len(s.members) || s.members[i+1].part != m.part {
			out.Parts = append(out.Parts, outPart{Partition: m.part, Places: encodePlaces(places)})
			places = nil
		}
	}
	return out
}

// sumOf is a hash of a letter as it stands in the queue.
func sumOf(rec *kafka.Record) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(rec.Key)
	_, _ = d.Write([]byte{0})
	_, _ = d.Write(rec.Value)
	return d.Sum64()
}

func (r *replayer) topicID() string {
	if r.plan.queue.id == "" {
		return noTopicID
	}
	return r.plan.queue.id
}

// runKey is the key of a run's record.
func (r *replayer) runKey() ledgerKey {
	return ledgerKey{kind: kindRun, queue: r.plan.Queue, topicID: r.topicID(), run: r.id}
}

// ledger adds a ledger record to the transaction.
func (w *writing) ledger(topic string, key ledgerKey, value any) error {
	body, err := encodeLedger(value)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	w.write.Records = append(w.write.Records, kafka.Record{Topic: topic, Key: []byte(key.String()), Value: body})
	return nil
}

// runRecord tells who works here and how far they are.
func (r *replayer) runRecord(state RunState, now time.Time) runRecord {
	stamps := r.plan.opts.Timestamp
	if stamps == TimestampNow {
		stamps = ""
	}
	var ends []int64
	if r.plan.Action.sends() && r.plan.bounds != nil {
		ends = r.plan.bounds.end
	}
	return runRecord{
		T: kindRun, State: state, Action: r.plan.Action, Op: r.opts.Operator, Host: hostname(), Machine: machine(),
		PID: os.Getpid(), Process: processStart(os.Getpid()), Version: r.opts.Version, Reason: r.opts.Reason, Select: r.opts.Selection.Normalised(),
		To: r.opts.To, Cluster: r.plan.Cluster, Stamps: stamps, Plan: r.result.Planned + r.plan.Duplicates, Seq: r.seq, Done: r.ledgerDone(),
		Started: r.began.UTC().Truncate(time.Millisecond), Beat: now.UTC().Truncate(time.Millisecond), Ends: ends,
	}
}

// ledgerDone is how many letters the ledger counts for this run, twins too.
func (r *replayer) ledgerDone() int64 {
	if mine := r.ledger.Run(r.id); mine != nil {
		return mine.Done
	}
	return 0
}

// heartbeat shows that the run lives while it waits.
func (r *replayer) heartbeat(ctx context.Context) error {
	if time.Since(r.beat) < heartbeat {
		return nil
	}
	return r.say(ctx, Running)
}

// say writes the run record in a transaction of its own.
func (r *replayer) say(ctx context.Context, state RunState) error {
	for {
		now := time.Now()
		w := &writing{runAt: 0, ends: state != Running}
		if err := w.ledger(r.opts.Ledger, r.runKey(), r.runRecord(state, now)); err != nil {
			return err
		}
		if len(r.out) > 0 && state != Running {
			c := &chunkRecord{T: kindChunk, Action: r.plan.Action, Run: r.id, Seq: r.seq + 1, Op: r.opts.Operator, At: now.UTC().Truncate(time.Millisecond), Out: r.out}
			if err := w.ledger(r.opts.Ledger, ledgerKey{kindChunk, r.plan.Queue, r.topicID(), r.id, c.Seq}, c); err != nil {
				return err
			}
			w.chunks, w.sets = []*chunkRecord{c}, []chunkSet{{}}
		}
		w.write.Before = r.stillThose
		offsets, err := r.producer.Commit(ctx, w.write)
		if err == nil {
			before := r.result.Transactions
			_, err = r.committed(w, offsets)
			r.result.Transactions = before
			return err
		}
		lost, ok := asLost(err)
		if !ok {
			return err
		}
		if err := r.recover(ctx, lost, w); err != nil {
			return err
		}
	}
}

// close writes how the run ended, with what no chunk has told yet.
func (r *replayer) close(ctx context.Context) error {
	if r.said && len(r.out) == 0 {
		return nil
	}
	const soon = 5 * time.Second
	if r.stopped() && r.producer.Held() > soon {
		r.opts.Notice("a quota holds the replay back, so the ledger is not told that it was stopped; the next run on this machine knows")
		return nil
	}
	state := Done
	if r.stopped() || r.result.Left() > 0 && !r.said {
		state = Stopped
	}
	return r.say(ctx, state)
}

func asLost(err error) (*txn.LostError, bool) {
	var lost *txn.LostError
	ok := asError(err, &lost)
	return lost, ok
}
