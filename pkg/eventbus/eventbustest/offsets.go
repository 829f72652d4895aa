package eventbustest

import (
	"fmt"
	"testing"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// awaitDone waits until the group's offsets have reached the ends of the topic.
func awaitDone(t testing.TB, c *kafka.Client, group, topic string) {
	t.Helper()
	n := int32(partitionCount(t, c, topic))
	ends := map[kafka.TopicPartition]int64{}
	for p := range n {
		ends[kafka.TopicPartition{Topic: topic, Partition: p}] = kafka.Latest
	}
	var why string
	done := func() bool {
		want, err := c.Offsets(t.Context(), ends, kafka.ReadCommitted)
		if err != nil {
			why = err.Error()
			return false
		}
		got, err := committed(t, c, group, topic, n)
		if err != nil {
			why = err.Error()
			return false
		}
		for p := range n {
			if end := want[kafka.TopicPartition{Topic: topic, Partition: p}]; end > 0 && got[p] < end {
				why = fmt.Sprintf("partition %d is at %d of %d", p, got[p], end)
				return false
			}
		}
		return true
	}
	t.Cleanup(func() {
		if t.Failed() && why != "" {
			t.Logf("group %s, topic %s, when last looked at: %s", group, topic, why)
		}
	})
	Await(t, "group "+group+" to have done "+topic, done)
	why = ""
}

// committed gives the group's offsets by partition, -1 for none.
func committed(t testing.TB, c *kafka.Client, group, topic string, n int32) (map[int32]int64, error) {
	t.Helper()
	conn := c.Wire()
	answers := make(chan *sarama.OffsetFetchResponse, 1)
	err := c.Do(t.Context(), func() error {
		if err := conn.RefreshCoordinator(group); err != nil {
			return err
		}
		coordinator, err := conn.Coordinator(group)
		if err != nil {
			return err
		}
		req := sarama.NewOffsetFetchRequest(conn.Config().Version, group, map[string][]int32{topic: numbers(n)})
		res, err := coordinator.FetchOffset(req)
		if err != nil {
			return err
		}
		if res.Err != sarama.ErrNoError {
			return res.Err
		}
		answers <- res
		return nil
	})
	if err != nil {
		return nil, err
	}
	res := <-answers
	got := map[int32]int64{}
	for p := range n {
		got[p] = -1
		if block := res.GetBlock(topic, p); block != nil && block.Err == sarama.ErrNoError {
			got[p] = block.Offset
		}
	}
	return got, nil
}

func numbers(n int32) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i)
	}
	return list
}
