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
	h := sha256.New()
	add := func(b []byte) {
		// A length before each keeps two splits of the same bytes apart; null is not empty.
		n := -1
		if b != nil {
			n = len(b)
		}
		h.Write(strconv.AppendInt(nil, int64(n), 10))
		h.Write([]byte{0})
		h.Write(b)
	}
	if l.Origin.Known() {
		add([]byte("origin"))
		add([]byte(l.Origin.Topic))
		add(strconv.AppendInt(nil, int64(l.Origin.Partition), 10))
		add(strconv.AppendInt(nil, l.Origin.Offset, 10))
		add([]byte(l.Group))
		add(strconv.AppendInt(nil, int64(l.Attempts), 10))
	} else {
		add([]byte("content"))
		add([]byte(l.Origin.Topic))
		add(strconv.AppendInt(nil, kafka.Milliseconds(l.Stored), 10))
		add(key)
		add(value)
	}
	add(strconv.AppendInt(nil, int64(l.ReplayCount), 10))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
