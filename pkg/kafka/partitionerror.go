package kafka

import "errors"

// PartitionError is what failed about one partition.
type PartitionError struct {
	TopicPartition
	Err error
}

// Error puts the partition before the cause.
func (e *PartitionError) Error() string { return e.TopicPartition.String() + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *PartitionError) Unwrap() error { return e.Err }

// PartitionErrors finds every [*PartitionError] in an error that joins
// several, as those of [Client.Offsets] do, and gives their causes.
func PartitionErrors(err error) map[TopicPartition]error {
	found := map[TopicPartition]error{}
	var walk func(error)
	walk = func(err error) {
		var one *PartitionError
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
		} else if errors.As(err, &one) {
			found[one.TopicPartition] = one.Err
		}
	}
	walk(err)
	return found
}
