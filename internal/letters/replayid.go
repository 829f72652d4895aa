package letters

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ReplayID names one replay of one letter, the same wherever and whenever it is
// computed: 32 hexadecimal digits of the letter's origin, group, attempts and
// earlier replays. A letter without an origin is told by its content and the
// time it was stored. The queue's own topic id is not in it, so that a mirrored
// cluster gives the same.
func ReplayID(l Letter, key, value []byte) string {
	var room [256]byte
	b := room[:0]
	if l.Origin.Known() {
		b = addPart(b, "origin")
		b = addPart(b, l.Origin.Topic)
		b = addNumber(b, int64(l.Origin.Partition))
		b = addNumber(b, l.Origin.Offset)
		b = addPart(b, l.Group)
		b = addNumber(b, int64(l.Attempts))
	} else {
		b = addPart(b, "content")
		b = addPart(b, l.Origin.Topic)
		b = addNumber(b, kafka.Milliseconds(l.Stored))
		b = addBytes(b, key)
		b = addBytes(b, value)
	}
	b = addNumber(b, int64(l.ReplayCount))
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// addPart puts the length before the text, which keeps two splits of the same
// bytes apart.
func addPart(b []byte, s string) []byte {
	b = append(strconv.AppendInt(b, int64(len(s)), 10), 0)
	return append(b, s...)
}

func addNumber(b []byte, n int64) []byte {
	var digits [20]byte
	return addBytes(b, strconv.AppendInt(digits[:0], n, 10))
}

// addBytes is addPart for bytes: null is not empty.
func addBytes(b, s []byte) []byte {
	n := -1
	if s != nil {
		n = len(s)
	}
	return append(append(strconv.AppendInt(b, int64(n), 10), 0), s...)
}
