package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// recovery reads a broker's files after it was killed.
type recovery struct {
	files clusterFiles
	marks marks
	logf  func(level, format string, args ...any)

	bytes   int64
	fenced  map[int64]int16 // producers whose transaction was aborted, to their new epoch
	windows []sequences
}

// sequences is what kfake knows of a producer's last batches in a partition:
// by it retries are told from new records.
type sequences struct {
	PID       int64       `json:"pid"`
	Topic     string      `json:"topic"`
	Partition int32       `json:"partition"`
	Entries   [5]sequence `json:"entries"`
	Count     uint8       `json:"count"`
	At        uint8       `json:"at"`
	Epoch     int16       `json:"epoch"`
	Seen      bool        `json:"seen"`
	NextSeq   int32       `json:"next_seq"`
}

type sequence struct {
	FirstSeq int32 `json:"first_seq"`
	NextSeq  int32 `json:"next_seq"`
	Offset   int64 `json:"offset"`
}

// add takes one batch as kfake does when it is produced.
func (w *sequences) add(b batch) {
	next := int32((int64(b.sequence) + int64(b.numRecords)) % math.MaxInt32)
	entry := sequence{FirstSeq: b.sequence, NextSeq: next, Offset: b.first}
	if !w.Seen || b.producerEpoch != w.Epoch {
		*w = sequences{
			PID: w.PID, Topic: w.Topic, Partition: w.Partition, Seen: true, Epoch: b.producerEpoch,
			Entries: [5]sequence{entry}, At: 1, Count: 1, NextSeq: next,
		}
		return
	}
	w.NextSeq = next
	w.Entries[w.At] = entry
	w.At = (w.At + 1) % uint8(len(w.Entries))
	w.Count = min(w.Count+1, uint8(len(w.Entries)))
}

func (r *recovery) run(topics []storedTopic) error {
	r.fenced = map[int64]int16{}
	for _, name := range []string{"groups.log", "pids.log"} {
		cut, err := trimLog(r.files.path(name))
		if err != nil {
			return err
		}
		if cut > 0 {
			r.logf("WARN", "%s: cut off %d bytes that were half written", name, cut)
		}
	}
	// Written at the last clean stop, wrong by now.
	for _, name := range []string{"session_state.json", "seq_windows.json"} {
		if err := os.Remove(r.files.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := r.files.eachPartition(topics, r.partition); err != nil {
		return err
	}
	for pid, epoch := range r.fenced {
		err := appendEntry(r.files.path("pids.log"), map[string]any{"type": "timeout", "pid": pid, "epoch": epoch})
		if err != nil {
			return err
		}
	}
	return writeJSON(r.files.path("seq_windows.json"), map[string]any{"version": kfakeFormat, "windows": r.windows})
}

// abortedTxn is a range of offsets that a reader of committed records skips.
type abortedTxn struct {
	Producer int64 `json:"producer_id"`
	First    int64 `json:"first_offset"`
	Last     int64 `json:"last_offset"`
}

// snapshot is what kfake reads of a partition instead of replaying its log.
type snapshot struct {
	Version       int               `json:"version"`
	HighWatermark int64             `json:"high_watermark"`
	LastStable    int64             `json:"last_stable_offset"`
	LogStart      int64             `json:"log_start_offset"`
	Epoch         int32             `json:"epoch"`
	LeaderNode    int32             `json:"leader_node,omitempty"`
	MaxTimestamp  int64             `json:"max_timestamp"`
	CreatedAt     time.Time         `json:"created_at"`
	Aborted       []abortedTxn      `json:"aborted_txns,omitempty"`
	Segments      []snapshotSegment `json:"segments"`
}

type snapshotSegment struct {
	Base     int64 `json:"base_offset"`
	Size     int64 `json:"size"`
	MinEpoch int32 `json:"min_epoch,omitempty"`
	MaxEpoch int32 `json:"max_epoch,omitempty"`
}

func snapshotFile(dir string) string { return filepath.Join(dir, "snapshot.json") }

// readSnapshot is the last one, or an empty one.
func readSnapshot(dir string) (snapshot, error) {
	var s snapshot
	body, err := os.ReadFile(snapshotFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("%s: %w", snapshotFile(dir), err)
	}
	return s, nil
}

// openTxn is a transaction whose end is not in the log.
type openTxn struct {
	first int64
	epoch int16
}

// partition repairs one partition's files and writes its snapshot.
func (r *recovery) partition(t storedTopic, p int32) error {
	dir := r.files.partition(t.Name, p)
	segs, err := segments(dir)
	if err != nil {
		return err
	}
	old, err := readSnapshot(dir)
	if err != nil {
		return err
	}
	seen := r.marks[markKey(t.ID, p)]
	if len(segs) == 0 && old.HighWatermark == 0 && seen.HighWatermark == 0 {
		return nil
	}
	snap := snapshot{Version: kfakeFormat, Epoch: old.Epoch, CreatedAt: old.CreatedAt, LogStart: max(old.LogStart, seen.LogStart)}
	open := map[int64]openTxn{}
	windows := map[int64]*sequences{}
	for i := range segs {
		size, err := segs[i].scan(func(b batch) {
			snap.take(b, open)
			if b.producer >= 0 && !b.control() {
				if windows[b.producer] == nil {
					windows[b.producer] = &sequences{PID: b.producer, Topic: t.Name, Partition: p}
				}
				windows[b.producer].add(b)
			}
		})
		last := i == len(segs)-1
		if err == nil {
			err = segs[i].repair(size, last)
		}
		if err != nil {
			return err
		}
		if !last {
			segs[i].index = nil // no longer needed, and large
		}
		if size > segs[i].size {
			r.logf("WARN", "%s partition %d: cut off %d bytes that were half written", t.Name, p, size-segs[i].size)
		}
		r.bytes += size
	}
	for _, w := range windows {
		r.windows = append(r.windows, *w)
	}
	if err := r.abortOpen(&snap, segs, open); err != nil {
		return err
	}
	return snap.write(dir, segs, max(old.HighWatermark, seen.HighWatermark))
}

// take counts one batch in.
func (s *snapshot) take(b batch, open map[int64]openTxn) {
	if s.HighWatermark == 0 {
		s.LogStart = max(s.LogStart, b.first)
		if s.CreatedAt.IsZero() {
			s.CreatedAt = time.UnixMilli(b.firstTime)
		}
	}
	s.HighWatermark = b.last + 1
	s.Epoch = max(s.Epoch, b.leaderEpoch)
	s.MaxTimestamp = max(s.MaxTimestamp, b.maxTime)
	txn, isOpen := open[b.producer]
	switch {
	case b.control():
		if isOpen && !b.commit {
			s.Aborted = append(s.Aborted, abortedTxn{Producer: b.producer, First: txn.first, Last: b.first})
		}
		delete(open, b.producer)
	case b.transactional() && !isOpen:
		open[b.producer] = openTxn{first: b.first, epoch: b.producerEpoch}
	case b.transactional():
		open[b.producer] = openTxn{first: txn.first, epoch: b.producerEpoch}
	}
}

// abortOpen ends open transactions in the log, and notes that their producers
// must not go on with them.
func (r *recovery) abortOpen(s *snapshot, segs []segment, open map[int64]openTxn) error {
	for pid, txn := range open {
		raw := abortMarker(s.HighWatermark, s.Epoch, pid, txn.epoch)
		if err := segs[len(segs)-1].appendBatch(raw); err != nil {
			return err
		}
		s.take(parseBatch(raw), map[int64]openTxn{pid: txn})
		r.fenced[pid] = max(r.fenced[pid], txn.epoch+1)
	}
	return nil
}

// abortMarker is the control batch by which a coordinator aborts a transaction.
func abortMarker(offset int64, leaderEpoch int32, pid int64, epoch int16) []byte {
	key, value := kmsg.NewControlRecordKey(), kmsg.NewEndTxnMarker()
	key.Type = kmsg.ControlRecordKeyTypeAbort
	rec := kmsg.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1) // its own length is one byte
	now := time.Now().UnixMilli()
	return encodeBatch(kmsg.RecordBatch{
		FirstOffset: offset, PartitionLeaderEpoch: leaderEpoch, Attributes: attrTxn | attrControl,
		FirstTimestamp: now, MaxTimestamp: now, ProducerID: pid, ProducerEpoch: epoch, FirstSequence: -1,
		NumRecords: 1, Records: rec.AppendTo(nil),
	})
}

// emptyBatch stands for an offset whose record is gone, as a compacted log has
// them, so that the next record does not get it again.
func emptyBatch(offset int64, leaderEpoch int32) []byte {
	return encodeBatch(kmsg.RecordBatch{
		FirstOffset: offset, PartitionLeaderEpoch: leaderEpoch, FirstTimestamp: -1, MaxTimestamp: -1,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	})
}

func encodeBatch(b kmsg.RecordBatch) []byte {
	b.Magic = 2
	raw := b.AppendTo(nil)
	b.Length = int32(len(raw) - batchAfterSize)
	b.CRC = int32(castagnoli(raw[batchCRCFrom:]))
	return b.AppendTo(nil)
}

// write leaves the snapshot in dir. known is a high watermark that the
// partition has had: its offsets never go back below it.
func (s *snapshot) write(dir string, segs []segment, known int64) error {
	if known > s.HighWatermark {
		if len(segs) == 0 {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			segs = []segment{{base: known - 1, path: filepath.Join(dir, strconv.FormatInt(known-1, 10))}}
		}
		if err := segs[len(segs)-1].appendBatch(emptyBatch(known-1, s.Epoch)); err != nil {
			return err
		}
		if s.HighWatermark <= s.LogStart {
			s.LogStart = known
		}
		s.HighWatermark = known
	}
	s.LogStart = min(s.LogStart, s.HighWatermark)
	s.LastStable = s.HighWatermark
	if s.CreatedAt.IsZero() {
		s.CreatedAt = time.Now()
	}
	s.Segments = nil
	for _, seg := range segs {
		s.Segments = append(s.Segments, snapshotSegment{Base: seg.base, Size: seg.size, MinEpoch: seg.minEpoch, MaxEpoch: seg.maxEpoch})
	}
	return writeJSON(snapshotFile(dir), s)
}

// keepOffsets gives a partition without any record left, after a clean end,
// what kfake needs to go on where it stopped.
func keepOffsets(dir string, seen mark) error {
	segs, err := segments(dir)
	if err != nil || len(segs) > 0 {
		return err
	}
	s, err := readSnapshot(dir)
	known := max(s.HighWatermark, seen.HighWatermark)
	if err != nil || known == 0 {
		return err
	}
	s.Version, s.HighWatermark, s.LogStart = kfakeFormat, 0, known
	return s.write(dir, nil, known)
}
