package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// TestParseBefore holds what --before takes; a point that is misread deletes
// what was to stay.
func TestParseBefore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]topics.Point{
		"0":                     {},
		"1200":                  {Offset: 1200},
		"1700000000000":         {Offset: 1700000000000},
		"9223372036854775807":   {Offset: 9223372036854775807},
		"end":                   {End: true},
		"@1h":                   {Time: now.Add(-time.Hour)},
		"@-7d":                  {Time: now.Add(-7 * 24 * time.Hour)},
		"@2026-11-23":           {Time: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)},
		"@2026-11-23T09:00:00Z": {Time: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)},
		"@1700000000":           {Time: time.Unix(1700000000, 0).UTC()},
		"@1700000000000":        {Time: time.Unix(1700000000, 0).UTC()},
		"@1969-01-01":           {Time: time.UnixMilli(0).UTC()},
	} {
		if got, err := parseBefore(text, now); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "@", "+1", "-1", "1:2", ":end", "start", "END", "latest", "1h", "2026-11-23", "@end", "@@1h", "0x10", "1_000", "1.5", " 1", "9223372036854775808"} {
		got, err := parseBefore(text, now)
		if err == nil || got != (topics.Point{}) || exitCode(t.Context(), err) != exitUsage || !strings.HasPrefix(err.Error(), fmt.Sprintf("--before %q: want an offset N, @TIME ", text)) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// ordersCluster has the topic orders of three partitions with two records each.
func ordersCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(3, "orders"))
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range int32(6) {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: i % 3, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return cluster
}

// refuseDeletion has the broker answer for some partitions with a code.
func refuseDeletion(cluster *kfake.Cluster, code int16, partitions ...int32) {
	cluster.ControlKey(int16(kmsg.DeleteRecords), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.DeleteRecordsRequest)
		res := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = req.Topics[0].Topic
		for _, p := range req.Topics[0].Partitions {
			row := kmsg.NewDeleteRecordsResponseTopicPartition()
			row.Partition, row.LowWatermark = p.Partition, p.Offset
			for _, refused := range partitions {
				if p.Partition == refused {
					row.ErrorCode, row.LowWatermark = code, -1
				}
			}
			topic.Partitions = append(topic.Partitions, row)
		}
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
}

func deleteRecords(t *testing.T, cluster *kfake.Cluster, args ...string) (code int, out, errOut string) {
	t.Helper()
	return runLine(t.Context(), append([]string{"delete-records", "orders", "-b", kafkatest.Bootstrap(cluster)}, args...)...)
}

func TestDeleteRecordsFailsInPart(t *testing.T) {
	t.Parallel()
	cluster := ordersCluster(t)
	refuseDeletion(cluster, 29, 1)
	code, out, errOut := deleteRecords(t, cluster, "--before", "1", "--yes")
	if want := `TOPIC   PARTITION  START  NEW START  DELETED  END  NOTE
orders          0      0          1        1    2
orders          1      0          -        -    2  orders/1: deleting records: not permitted on this topic
orders          2      0          1        1    2
`; out != want {
		t.Errorf("stdout\n%s\nwant\n%s", out, want)
	}
	if want := `deleted 2 records of orders
warning: orders/1: deleting records: not permitted on this topic
error: 1 of 3 partitions not shortened
hint: the others are done; running it again is safe
`; code != exitPartly || !strings.HasSuffix(errOut, want) {
		t.Errorf("exit code %d, stderr\n%s\nwant\n%s", code, errOut, want)
	}
}

func TestDeleteRecordsFailsAltogether(t *testing.T) {
	t.Parallel()
	for code, want := range map[int16]struct {
		exit int
		text string
	}{
		29: {exitNotPermitted, "error: 3 of 3 partitions not shortened\n"},
		44: {exitFailed, "error: orders/0: deleting records: brokers delete records only where cleanup.policy has delete: refused by the cluster's policy\nhint: a tombstone deletes a single key; "},
	} {
		cluster := ordersCluster(t)
		refuseDeletion(cluster, code, 0, 1, 2)
		exit, _, errOut := deleteRecords(t, cluster, "--before", "1", "--yes")
		if exit != want.exit || !strings.Contains(errOut, want.text) || strings.Contains(errOut, "\ndeleted ") {
			t.Errorf("code %d: exit code %d, stderr\n%s", code, exit, errOut)
		}
	}
}

// A partition that no broker tells of is left alone, and said to be.
func TestDeleteRecordsLeavesDarkPartitionsAlone(t *testing.T) {
	t.Parallel()
	cluster := ordersCluster(t)
	cluster.ControlKey(int16(kmsg.ListOffsets), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.ListOffsetsRequest)
		res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = "orders"
		for _, p := range req.Topics[0].Partitions {
			row := kmsg.NewListOffsetsResponseTopicPartition()
			row.Partition = p.Partition
			switch {
			case p.Partition == 2:
				row.ErrorCode = 56
			case p.Timestamp == -2:
				row.Offset = 0
			default:
				row.Offset = 2
			}
			topic.Partitions = append(topic.Partitions, row)
		}
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	code, _, errOut := deleteRecords(t, cluster, "--before", "end")
	if want := "error: this deletes 4 records of orders: 2 of partition 0 (offsets 0 to 1), 2 of partition 1 (offsets 0 to 1); partition 2 is left alone, no broker tells of it; not asking without a terminal\n"; code != exitUsage || !strings.Contains(errOut, want) {
		t.Errorf("exit code %d, stderr\n%s", code, errOut)
	}
	code, out, errOut := deleteRecords(t, cluster, "--before", "end", "-y", "-o", "json")
	var rows []topics.RecordDeletion
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%v:\n%s", err, out)
	}
	if code != exitPartly || rows[2].Start != nil || rows[2].Deleted != nil || rows[2].Error != "orders/2: finding its offsets: broker has a disk error" || *rows[1].Deleted != 2 {
		t.Errorf("exit code %d, %s%s", code, out, errOut)
	}
	if got := cluster.PartitionInfo("orders", 2).LogStartOffset; got != 0 {
		t.Errorf("partition 2 starts at %d", got)
	}
}
