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
