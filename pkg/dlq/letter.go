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

// shownAs is what may be shown of a letter: the error in its headers, or, of Node
// services, in its value, may be or repeat what the mask hides.
func shownAs(r *kafka.Record, l *Letter, mask func(*kafka.Record) *kafka.Record) (*kafka.Record, *Letter) {
	if mask == nil {
		return r, l
	}
	r = mask(r)
	masked, shown := letters.Read(*r), *l
	shown.Class, shown.Cause, shown.Message, shown.Stack = masked.Class, masked.Cause, masked.Message, masked.Stack
	shown.Stage, shown.Shape = masked.Stage, masked.Shape
	return r, &shown
}
