package eventbus

import "context"

// send writes records to the partitions they name, as an idempotent producer
// with acks=all, and returns an error for each, nil where it is acknowledged.
// Errors are those of pkg/kafka, ErrTooLarge, and ErrUncertain where no answer
// came in time. When ctx ends first, records without an answer are uncertain.
func (b *Bus) send(ctx context.Context, records []outgoing) []error {
	parcels := parcelsOf(records)
	b.sender.send(ctx, parcels)
	errs := make([]error, len(records))
	for i, p := range parcels {
		errs[i] = p.result(ctx)
	}
	return errs
}

func parcelsOf(records []outgoing) []*parcel {
	memory := make([]parcel, len(records))
	parcels := make([]*parcel, len(records))
	for i := range records {
		memory[i].outgoing = records[i]
		parcels[i] = &memory[i]
	}
	return parcels
}
