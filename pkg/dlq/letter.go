package dlq

import (
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// HeaderText shows the value of a letter's header: text as it is, and what Java
// clients write as a big-endian integer as that number.
func HeaderText(h kafka.Header) (shown string, isNumber bool) { return letters.HeaderText(h) }

// Letter is what is known about a record that stands in a dead letter queue.
type Letter = letters.Letter

// shownAs is what may be shown of a letter. The errors that Node services put
// into the value are part of it, and hidden where the value's members are.
func shownAs(r *kafka.Record, l *Letter, mask func(*kafka.Record) []byte) *Letter {
	if mask == nil || l.Format != letters.Node {
		return l
	}
	shown := *r
	shown.Value = mask(r)
	masked := letters.Read(shown)
	return &masked
}
