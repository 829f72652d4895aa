package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// commit writes a group's offset with a client that is not ours, as a
// consumer that has left would leave it: commit GROUP TOPIC PARTITION OFFSET.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: commit GROUP TOPIC PARTITION OFFSET")
	}
	partition, err := strconv.ParseInt(args[2], 10, 32)
	ts.Check(err)
	offset, err := strconv.ParseInt(args[3], 10, 64)
	ts.Check(err)
	// Later versions of the commit name topics by id.
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(ts.Getenv("KAFKA_BROKERS"), ",")...), kgo.MaxVersions(kversion.V3_0_0()))
	ts.Check(err)
	defer cl.Close()
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = int32(partition), offset
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.Partitions = args[1], []kmsg.OffsetCommitRequestTopicPartition{p}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.Topics = args[0], -1, []kmsg.OffsetCommitRequestTopic{t}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	res, err := req.RequestWith(ctx, cl)
	ts.Check(err)
	for _, topic := range res.Topics {
		for _, p := range topic.Partitions {
			ts.Check(kerr.ErrorForCode(p.ErrorCode))
		}
	}
}
