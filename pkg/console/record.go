package console

import "math"

// noTime is a record without a timestamp of its own: it gets the clock's.
const noTime = math.MinInt64

// noPartition is a record that names no partition.
const noPartition = -1

// inRecord is one record on its way in. A nil slice is Kafka's null, an empty
// one is not. All slices are valid until the next record is decoded.
type inRecord struct {
	key, value []byte
	headers    []rawHeader
	topic      []byte // nil: none named
	partition  int32  // noPartition: none named
	timestamp  int64  // milliseconds; noTime: none named
}

type rawHeader struct {
	name, value []byte
}

func (r *inRecord) reset() {
	*r = inRecord{headers: r.headers[:0], partition: noPartition, timestamp: noTime}
}

// bytes is what the record's key, value and headers weigh.
func (r *inRecord) bytes() int {
	n := len(r.key) + len(r.value)
	for _, h := range r.headers {
		n += len(h.name) + len(h.value)
	}
	return n
}
