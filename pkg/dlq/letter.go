package dlq

import "github.com/multi-tenant/manage-kafka/internal/letters"

// Letter is what is known about a record that stands in a dead letter queue.
type Letter = letters.Letter
