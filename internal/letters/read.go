package letters

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What is read of one header at most, in bytes.
const (
	maxReadText    = 1 << 10
	maxReadMessage = 8 << 10
	maxReadStack   = 64 << 10
)

// The suffixes that dead letter queues have: ours, and Spring's of now and of before.
const (
	Suffix       = ".dlq"
	suffixSpring = "-dlt"
	suffixOld    = ".DLT"
)

// SourceOf returns the topic whose dead letter queue has that name, false for
// a name that is no queue's by its suffix.
func SourceOf(queue string) (string, bool) {
	for _, suffix := range []string{Suffix, suffixSpring, suffixOld} {
		if topic, ok := strings.CutSuffix(queue, suffix); ok && topic != "" {
			return topic, true
		}
	}
	return "", false
}

// Read tells what a record of a dead letter queue says about itself. It never
// fails: what cannot be read is as good as not there.
//
// Where several producers left headers the one that told an error wins, and of
// two the one nearer to us. Of Spring's repeated origin headers the first is
// [Letter.Origin] and the last [Letter.Hop]; of any other repeated header the
// last counts.
func Read(r kafka.Record) Letter {
	var has survey
	for i := range r.Headers {
		from, p, ok := lookup(r.Headers[i].Name)
		if !ok || p == partNone || p.replay() {
			continue
		}
		switch {
		case p.origin():
			has.origin[from] = true
		case p != partGroup: // which a replay leaves
			has.failure[from] = true
		}
	}
	l := Letter{Format: Bare, Origin: nowhere(), Hop: nowhere(), Stored: r.Timestamp}
	winner, found := has.winner()
	for i := range r.Headers {
		from, p, ok := lookup(r.Headers[i].Name)
		if ok && (found && from == winner || p.replay() || shared(from, winner, p)) {
			l.take(from, p, r.Headers[i].Value)
		}
	}
	if found {
		l.Format = winner.format()
	}
	if !has.anyFailure() {
		l.readValue(r.Value)
	}
	l.settle(r.Topic)
	return l
}

func nowhere() Origin { return Origin{Partition: -1, Offset: -1} }

// survey is which producers left an origin and which a failure.
type survey struct {
	origin, failure [sources]bool
}

func (s *survey) winner() (source, bool) {
	for _, seen := range [][sources]bool{s.failure, s.origin} {
		for i, ok := range seen {
			if ok {
				return source(i), true
			}
		}
	}
	return 0, false
}

func (s *survey) anyFailure() bool { return s.failure != [sources]bool{} }

// shared tells what Spring's two producers write under each other's names: the
// group as the recoverer does, the attempts as @RetryableTopic does.
func shared(from, winner source, p part) bool {
	return from == fromSpring && winner == fromSpringRetry && p == partGroup ||
		from == fromSpringRetry && winner == fromSpring && p == partAttempts
}

// take fills one part from a header's value.
func (l *Letter) take(from source, p part, value []byte) {
	switch p {
	case partTopic:
		setOrigin(&l.Origin.Topic, &l.Hop.Topic, "", text(value, maxReadText))
	case partPartition:
		if n, ok := number(value, from.binary()); ok && n >= 0 && n <= math.MaxInt32 {
			setOrigin(&l.Origin.Partition, &l.Hop.Partition, -1, int32(n))
		}
	case partOffset:
		if n, ok := number(value, from.binary()); ok && n >= 0 {
			setOrigin(&l.Origin.Offset, &l.Hop.Offset, -1, n)
		}
	case partTimestamp:
		if at := instant(value, from.binary()); !at.IsZero() {
			setOrigin(&l.Origin.Timestamp, &l.Hop.Timestamp, time.Time{}, at)
		}
	case partConnector:
		l.Group = "connect-" + text(value, maxReadText) // the group of a sink's tasks
	case partAttempts:
		l.Attempts = count(value, from.binary())
	case partReplayCount:
		l.ReplayCount = count(value, false)
	case partFirstFailed:
		l.FirstFailedAt = instant(value, false)
	case partFailed:
		l.FailedAt = instant(value, false)
	default:
		if to, most := l.textPart(p); to != nil && value != nil {
			*to = text(value, most)
		}
		if from == fromStreams && p == partClass {
			// Some releases write the exception as text, its message behind the class.
			l.Class, _, _ = strings.Cut(l.Class, ":")
		}
	}
}

// textPart returns the member that a part of text fills, and its bound.
func (l *Letter) textPart(p part) (to *string, most int) {
	switch p {
	case partMessage:
		return &l.Message, maxReadMessage
	case partStack:
		return &l.Stack, maxReadStack
	case partGroup:
		to = &l.Group
	case partClass:
		to = &l.Class
	case partCause:
		to = &l.Cause
	case partStage:
		to = &l.Stage
	case partService:
		to = &l.Service
	case partAppVersion:
		to = &l.AppVersion
	case partReason:
		to = &l.Reason
	case partReplayID:
		to = &l.ReplayID
	case partReplayGroup:
		to = &l.ReplayGroup
	case partReplayRun:
		to = &l.ReplayRun
	case partReplayEdited:
		to = &l.ReplayEdited
	}
	return to, maxReadText
}

// setOrigin keeps the first value as the origin and the last as the hop.
func setOrigin[T comparable](first, last *T, unknown, value T) {
	if *first == unknown {
		*first = value
	}
	*last = value
}

// settle fills what the queue's own name tells. A letter that names no topic
// belongs to the one whose queue it stands in.
func (l *Letter) settle(queue string) {
	if l.Origin.Topic != "" {
		return
	}
	topic, _ := SourceOf(queue)
	l.Origin.Topic, l.Hop.Topic = topic, topic
}

// text reads UTF-8 of at most so many bytes.
func text(value []byte, most int) string {
	if len(value) <= most && utf8.Valid(value) {
		return string(value)
	}
	return clip(string(value[:min(len(value), most+utf8.UTFMax)]), most)
}

// clip makes s valid UTF-8 of at most so many bytes, and cuts no character in two.
func clip(s string, most int) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// number reads a decimal, or a big-endian integer of 4 or 8 bytes where the
// producer writes those. Eight digits of text would be an offset beyond 10^18:
// they are taken as the text that they are.
func number(value []byte, binary bool) (int64, bool) {
	if binary && (len(value) == 4 || len(value) == 8) && !allDigits(value) {
		return bigEndian(value), true
	}
	n, err := strconv.ParseInt(string(value[:min(len(value), 24)]), 10, 64)
	return n, err == nil
}

func bigEndian(value []byte) int64 {
	var n uint64
	for _, b := range value {
		n = n<<8 | uint64(b)
	}
	if len(value) == 4 {
		return int64(int32(uint32(n)))
	}
	return int64(n)
}

func allDigits(value []byte) bool {
	for _, b := range value {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// count reads a small number that is not negative, 0 for anything else.
func count(value []byte, binary bool) int {
	n, ok := number(value, binary)
	if !ok || n < 0 {
		return 0
	}
	return int(min(n, math.MaxInt32))
}

// instant reads milliseconds since 1970 or RFC 3339, the zero time for anything
// else and for what lies outside the years 1970 to 9999.
func instant(value []byte, binary bool) time.Time {
	const end = 253402300800000 // the year 10000
	if n, ok := number(value, binary); ok {
		if n <= 0 || n >= end {
			return time.Time{}
		}
		return time.UnixMilli(n).UTC()
	}
	at, err := time.Parse(time.RFC3339Nano, string(value[:min(len(value), 40)]))
	if err != nil || at.UnixMilli() <= 0 || at.UnixMilli() >= end {
		return time.Time{}
	}
	return at.UTC()
}

// HeaderText shows a header's value: text as it is, and 4 or 8 bytes that are
// no printable text as the big-endian integer that Java clients write. number
// tells the second. A known name has its known encoding.
func HeaderText(h kafka.Header) (shown string, isNumber bool) {
	if len(h.Value) != 4 && len(h.Value) != 8 {
		return string(h.Value), false
	}
	for _, b := range h.Value {
		if b < 0x20 || b >= 0x7f {
			if from, _, known := lookup(h.Name); !known || from.binary() {
				return strconv.FormatInt(bigEndian(h.Value), 10), true
			}
		}
	}
	return string(h.Value), false
}
