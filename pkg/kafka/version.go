package kafka

import "github.com/IBM/sarama"

// releaseMark is the request version that a Kafka release was the first to know.
type releaseMark struct {
	release sarama.KafkaVersion
	key     int16
	version int16
}

// releaseMarks go from the newest release down. Only requests that ZooKeeper
// and KRaft brokers both list are among them; 3.4 brought no version of one.
func releaseMarks() []releaseMark {
	return []releaseMark{
		{sarama.V4_3_1_0, 35, 5}, // DescribeLogDirs
		{sarama.V4_2_1_0, 2, 11}, // ListOffsets
		{sarama.V4_1_2_0, 1, 18}, // Fetch
		{sarama.V4_0_1_0, 3, 13}, // Metadata
		{sarama.V3_9_0_0, 1, 17},
		{sarama.V3_8_0_0, 0, 11}, // Produce
		{sarama.V3_7_0_0, 1, 16},
		{sarama.V3_6_0_0, 24, 4}, // AddPartitionsToTxn
		{sarama.V3_5_0_0, 1, 15},
		{sarama.V3_3_0_0, 35, 4},
		{sarama.V3_2_0_0, 11, 9}, // JoinGroup
		{sarama.V3_1_0_0, 3, 12},
		{sarama.V3_0_0_0, 2, 7},
		{sarama.V2_8_0_0, 3, 11},
		{sarama.V2_7_0_0, 1, 12},
		{sarama.V2_6_0_0, 16, 4}, // ListGroups
		{sarama.V2_5_0_0, 9, 7},  // OffsetFetch
		{sarama.V2_4_0_0, 3, 9},
		{sarama.V2_3_0_0, 1, 11},
		{sarama.V2_2_0_0, 2, 5},
		{sarama.V2_1_0_0, 1, 10},
	}
}

// release is the newest Kafka release whose requests the broker knows, as far
// as this client knows them; ok is false before 2.1.
func release(known map[int16]apiRange) (v sarama.KafkaVersion, ok bool) {
	for _, mark := range releaseMarks() {
		if r, found := known[mark.key]; found && r.max >= mark.version {
			return mark.release, true
		}
	}
	return sarama.KafkaVersion{}, false
}
