package topics_test

import (
	"testing"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func TestListCountsRecordsAndPendingLetters(t *testing.T) {
	t.Parallel()
	c := kafkatest.Open(t, kafkatest.Start(t))
	admin := topics.New(c)
	specs := []topics.Spec{{Name: "orders", Partitions: 3}, {Name: "orders.dlq", Partitions: 3}}
	if _, err := admin.Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	conf := c.Wire().ProducerConfig()
	conf.Producer.Return.Successes = true
	p, err := sarama.NewSyncProducer(c.Bootstrap(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for topic, n := range map[string]int{"orders": 5, "orders.dlq": 2} {
		for range n {
			if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("v")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	listing, err := admin.List(t.Context(), topics.ListOptions{Records: true})
	if err != nil {
		t.Fatal(err)
	}
	list := listing.Topics
	if len(list) != 2 || list[0].Records == nil || *list[0].Records != 5 || list[0].DLQPending == nil || *list[0].DLQPending != 2 {
		t.Fatalf("listed %+v", list)
	}
	if list[1].Records == nil || *list[1].Records != 2 || list[1].DLQPending != nil {
		t.Fatalf("listed %+v", list[1])
	}
}
