package letters

import "strings"

// part says which member of a Letter a header fills.
type part uint8

const (
	partNone part = iota // of a known producer, and of no use to us
	partTopic
	partPartition
	partOffset
	partTimestamp
	partGroup
	partConnector
	partClass
	partCause
	partMessage
	partStack
	partStage
	partAttempts
	partFirstFailed
	partFailed
	partService
	partAppVersion
	partReason
	partReplayCount
	partReplayID
	partReplayGroup
	partReplayRun
	partReplayEdited
)

// origin tells the parts that name where the record came from.
func (p part) origin() bool { return p >= partTopic && p <= partTimestamp }

// replay tells the parts that a replay of ours wrote.
func (p part) replay() bool { return p >= partReplayCount }

// source is one producer of letters. The lower one wins where a record carries
// the errors of two.
type source uint8

const (
	fromNative source = iota
	fromStreams
	fromShare
	fromConnect
	fromSmallRye
	fromSpring
	fromSpringRetry
	fromWatermill
	fromMassTransit
	sources // how many there are
)

func (s source) format() Format {
	switch s {
	case fromNative:
		return Native
	case fromStreams:
		return Streams
	case fromShare:
		return Share
	case fromConnect:
		return Connect
	case fromSmallRye:
		return SmallRye
	case fromSpring:
		return Spring
	case fromSpringRetry:
		return SpringRetry
	case fromWatermill:
		return Watermill
	case fromMassTransit:
		return MassTransit
	}
	return Bare
}

// binary tells the producers whose numbers are big-endian integers.
func (s source) binary() bool { return s == fromSpring || s == fromSpringRetry }

// lookup tells what a header means, ok false for one that is the record's own.
func lookup(name string) (from source, p part, ok bool) {
	if len(name) < 8 {
		return 0, 0, false
	}
	switch name[0] {
	case 'd':
		if rest, is := strings.CutPrefix(name, "dlq-"); is {
			return native(rest)
		}
		if rest, is := strings.CutPrefix(name, "dead-letter-"); is {
			return smallRye(rest)
		}
	case '_':
		if rest, is := strings.CutPrefix(name, "__connect.errors."); is {
			return connect(rest)
		}
		if rest, is := strings.CutPrefix(name, "__streams.errors."); is {
			return streams(rest)
		}
		if rest, is := strings.CutPrefix(name, "__dlq.errors."); is {
			return share(rest)
		}
	case 'k':
		if rest, is := strings.CutPrefix(name, "kafka_"); is {
			return spring(rest)
		}
	case 'r', 't', 'h', 's':
		return otherLower(name)
	case 'M', 'N':
		return massTransit(name)
	}
	return 0, 0, false
}

func native(rest string) (source, part, bool) {
	p := partNone
	switch rest {
	case "original-topic":
		p = partTopic
	case "original-partition":
		p = partPartition
	case "original-offset":
		p = partOffset
	case "original-timestamp":
		p = partTimestamp
	case "group":
		p = partGroup
	case "error-class":
		p = partClass
	case "error-cause":
		p = partCause
	case "error-message":
		p = partMessage
	case "error-stack":
		p = partStack
	case "attempts":
		p = partAttempts
	case "first-failed-at":
		p = partFirstFailed
	case "failed-at":
		p = partFailed
	case "service":
		p = partService
	case "app-version":
		p = partAppVersion
	case "reason":
		p = partReason
	case "replay-count":
		p = partReplayCount
	case "replay-id":
		p = partReplayID
	case "replay-for-group":
		p = partReplayGroup
	case "replay-run":
		p = partReplayRun
	case "replay-edited":
		p = partReplayEdited
	}
	return fromNative, p, true
}
