package dlq

import (
	"fmt"
	"strconv"
	"strings"
)

// ledgerVersion is the version of the records that this release writes. It
// stands in the key, so that an older release stops before it reads a value
// that it would take for something else.
const ledgerVersion = 1

// The kinds of ledger records.
const (
	kindRun   = "run"   // who works on a queue and how far; the newest of a run counts
	kindChunk = "chunk" // letters that one transaction resolved or reopened; never written twice
	kindSnap  = "snap"  // restates everything before it about one queue
)

// ledgerKey is the key of a ledger record:
//
//	v1|run|<queue>|<topic id>|<run>
//	v1|chunk|<queue>|<topic id>|<run>|<seq>
//	v1|snap|<queue>|<topic id>|<part>
//
// A chunk's key is unique, so that compaction never takes one away: with keys
// by range, a second chunk of the same range would replace the first, and
// letters that only the first one named would become pending again.
type ledgerKey struct {
	kind    string
	queue   string
	topicID string // of the queue; "-" on brokers that have none
	run     string
	seq     int64 // of a chunk, or the part of a snapshot
}

// noTopicID stands for the id of a topic on a broker before 2.8.
const noTopicID = "-"

func (k ledgerKey) String() string {
	head := fmt.Sprintf("v%d|%s|%s|%s|", ledgerVersion, k.kind, k.queue, k.topicID)
	switch k.kind {
	case kindChunk:
		return head + k.run + "|" + fmt.Sprintf("%06d", k.seq)
	case kindSnap:
		return head + fmt.Sprintf("%03d", k.seq)
	}
	return head + k.run
}

// maxKey bounds a key: a topic's name has at most 249 characters.
const maxKey = 512

// parseLedgerKey reads a key. What another release wrote, or no release of
// this tool, is [ErrConflict].
func parseLedgerKey(key []byte) (ledgerKey, error) {
	if len(key) == 0 || len(key) > maxKey {
		return ledgerKey{}, errorf(ErrConflict, "no ledger record: its key has %d bytes", len(key))
	}
	text := string(key)
	version, rest, _ := strings.Cut(text, "|")
	number, ok := strings.CutPrefix(version, "v")
	n, err := strconv.ParseUint(number, 10, 32)
	switch {
	case !ok || err != nil || rest == "":
		return ledgerKey{}, errorf(ErrConflict, "no ledger record: its key is %q", clip(text))
	case n > ledgerVersion:
		return ledgerKey{}, errorf(ErrConflict, "written by a newer manage-kafka (ledger version %d, this one knows %d)", n, ledgerVersion)
	case number != strconv.Itoa(ledgerVersion):
		return ledgerKey{}, errorf(ErrConflict, "no ledger record: its key is %q", clip(text))
	}
	parts := strings.Split(rest, "|")
	k := ledgerKey{kind: parts[0]}
	want := map[string]int{kindRun: 4, kindChunk: 5, kindSnap: 4}[k.kind]
	if want == 0 || len(parts) != want {
		return ledgerKey{}, errorf(ErrConflict, "no ledger record: its key is %q", clip(text))
	}
	k.queue, k.topicID = parts[1], parts[2]
	number = parts[len(parts)-1]
	if k.kind == kindRun || k.kind == kindChunk {
		k.run = parts[3]
	}
	if k.kind != kindRun {
		k.seq, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil || k.seq < 0 || k.queue == "" || k.topicID == "" || k.kind != kindSnap && k.run == "" || k.String() != text {
		return ledgerKey{}, errorf(ErrConflict, "no ledger record: its key is %q", clip(text))
	}
	return k, nil
}

// clip shortens what somebody else wrote to what an error has room for.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
