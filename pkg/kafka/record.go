package kafka

import (
	"strconv"
	"time"
)

// TopicPartition names one partition of one topic.
type TopicPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

// String is the topic and the partition joined by a slash, as in orders/3.
func (tp TopicPartition) String() string {
	return tp.Topic + "/" + strconv.Itoa(int(tp.Partition))
}

// TimestampType tells who set a record's timestamp.
type TimestampType int8

// The timestamp types of Kafka's record format.
const (
	CreateTime    TimestampType = 0 // the producer
	LogAppendTime TimestampType = 1 // the broker
)

// Header is one record header. Names may repeat and their order counts; a nil
// Value is Kafka's null, an empty one is not. Name may hold any bytes.
type Header struct {
	Name  string
	Value []byte
}

// Record is one record as a consumer sees it or a producer sends it. A nil Key
// or Value is Kafka's null, which is not the same as an empty one.
type Record struct {
	Topic         string
	Partition     int32
	Offset        int64
	LeaderEpoch   int32
	Timestamp     time.Time // millisecond precision; zero: the client's clock when it is sent
	TimestampType TimestampType
	Key           []byte
	Value         []byte
	Headers       []Header
}
