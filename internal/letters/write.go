package letters

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What is written of one text at most, in bytes.
const (
	MaxMessage = 1 << 10
	MaxStack   = 16 << 10
	maxText    = 512
)

// AppendOptions say what [Letter.Append] writes beside the plain headers.
type AppendOptions struct {
	// Stack writes the stack, which may hold personal data.
	Stack bool
	// Spring writes the headers of Spring's DeadLetterPublishingRecoverer as
	// well, for tools that read those.
	Spring bool
}

// Append returns the headers of a letter for a record that has the given ones.
// Those come first, byte for byte and in their order, without what an earlier
// dead-lettering left (dlq-*); only what a replay wrote stays, so that the
// count of replays goes on. Nothing that is added has a null value. The given
// slice is not changed.
func (l Letter) Append(headers []kafka.Header, o AppendOptions) []kafka.Header {
	out := make([]kafka.Header, 0, len(headers)+24)
	for _, h := range headers {
		from, p, ok := lookup(h.Name)
		switch {
		case ok && from == fromNative && (!p.replay() || l.writes(p)):
		case ok && from == fromSpring && o.Spring && !p.origin() && p != partGroup:
		default:
			out = append(out, h)
		}
	}
	w := writer{out: out}
	w.text(HeaderOriginalTopic, l.Origin.Topic, maxText)
	w.number(HeaderOriginalPartition, int64(l.Origin.Partition), l.Origin.Partition >= 0)
	w.number(HeaderOriginalOffset, l.Origin.Offset, l.Origin.Offset >= 0)
	w.time(HeaderOriginalTimestamp, l.Origin.Timestamp)
	w.text(HeaderGroup, l.Group, maxText)
	w.text(HeaderErrorClass, l.Class, maxText)
	if l.Cause != l.Class {
		w.text(HeaderErrorCause, l.Cause, maxText)
	}
	w.text(HeaderErrorMessage, l.Message, MaxMessage)
	if o.Stack {
		w.text(HeaderErrorStack, l.Stack, MaxStack)
	}
	w.number(HeaderAttempts, int64(l.Attempts), l.Attempts > 0)
	w.time(HeaderFirstFailedAt, l.FirstFailedAt)
	w.time(HeaderFailedAt, l.FailedAt)
	w.text(HeaderService, l.Service, maxText)
	w.text(HeaderAppVersion, l.AppVersion, maxText)
	w.text(HeaderReason, l.Reason, maxText)
	w.number(HeaderReplayCount, int64(l.ReplayCount), l.ReplayCount > 0)
	w.text(HeaderReplayID, l.ReplayID, maxText)
	w.text(HeaderReplayForGroup, l.ReplayGroup, maxText)
	w.text(HeaderReplayRun, l.ReplayRun, maxText)
	w.text(HeaderReplayEdited, l.ReplayEdited, maxText)
	if o.Spring {
		w.spring(l, o)
	}
	return w.out
}

// writes tells whether Append writes a replay part itself.
func (l Letter) writes(p part) bool {
	switch p {
	case partReplayCount:
		return l.ReplayCount > 0
	case partReplayID:
		return l.ReplayID != ""
	case partReplayGroup:
		return l.ReplayGroup != ""
	case partReplayRun:
		return l.ReplayRun != ""
	case partReplayEdited:
		return l.ReplayEdited != ""
	}
	return false
}

type writer struct{ out []kafka.Header }

func (w *writer) add(name string, value []byte) {
	w.out = append(w.out, kafka.Header{Name: name, Value: value})
}

func (w *writer) text(name, value string, most int) {
	if value != "" {
		w.add(name, []byte(clip(value, most)))
	}
}

func (w *writer) number(name string, n int64, known bool) {
	if known {
		w.add(name, strconv.AppendInt(nil, n, 10))
	}
}

func (w *writer) time(name string, at time.Time) {
	w.number(name, at.UnixMilli(), !at.IsZero())
}

// spring writes Spring's names in Spring's encoding. An origin that is there
// already stays before ours, as Spring itself leaves it: the first is the true one.
func (w *writer) spring(l Letter, o AppendOptions) {
	const prefix = "kafka_dlt-"
	w.text(prefix+"original-topic", l.Origin.Topic, maxText)
	if l.Origin.Partition >= 0 {
		w.add(prefix+"original-partition", binary.BigEndian.AppendUint32(nil, uint32(l.Origin.Partition)))
	}
	if l.Origin.Offset >= 0 {
		w.add(prefix+"original-offset", binary.BigEndian.AppendUint64(nil, uint64(l.Origin.Offset)))
	}
	if !l.Origin.Timestamp.IsZero() {
		w.add(prefix+"original-timestamp", binary.BigEndian.AppendUint64(nil, uint64(l.Origin.Timestamp.UnixMilli())))
		w.text(prefix+"original-timestamp-type", "CreateTime", maxText)
	}
	w.text(prefix+"original-consumer-group", l.Group, maxText)
	w.text(prefix+"exception-fqcn", l.Class, maxText)
	w.text(prefix+"exception-cause-fqcn", l.Cause, maxText)
	w.text(prefix+"exception-message", l.Message, MaxMessage)
	if o.Stack {
		w.text(prefix+"exception-stacktrace", l.Stack, MaxStack)
	}
}

// Strip returns the headers that a letter is sent again with: those of the
// record and where it came from, without any producer's errors, attempts or
// marks of an earlier replay. The given slice is not changed.
func Strip(headers []kafka.Header) []kafka.Header {
	out := make([]kafka.Header, 0, len(headers)+8)
	for _, h := range headers {
		from, p, ok := lookup(h.Name)
		if !ok || p.origin() || p == partGroup && from != fromNative || strings.HasSuffix(h.Name, "original-timestamp-type") {
			out = append(out, h)
		}
	}
	return out
}
