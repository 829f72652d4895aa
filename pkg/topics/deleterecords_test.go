package topics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// clusterAdmin gives three brokers that share a topic.
func clusterAdmin(t *testing.T, topic string, partitions int32) (*topics.Admin, *kfake.Cluster) {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(partitions, topic))
	return topics.New(kafkatest.Open(t, kafkatest.Bootstrap(cluster))), cluster
}

// put writes records with these times to a partition.
func put(ctx context.Context, t *testing.T, cluster *kfake.Cluster, topic string, partition int32, times ...time.Time) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, at := range times {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition, Timestamp: at, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func rowText(d topics.RecordDeletion) string {
	show := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return fmt.Sprintf("%d: %s to %s, %s of %s [%s]", d.Partition, show(d.Start), show(d.NewStart), show(d.Deleted), show(d.End), d.Note)
}

func wantRows(t *testing.T, rows []topics.RecordDeletion, want ...string) {
	t.Helper()
	var got []string
	for _, d := range rows {
		got = append(got, rowText(d))
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func TestPlanDeleteRecords(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 3)
	put(t.Context(), t, cluster, "orders", 0, noon(), noon().Add(time.Hour), noon().Add(-time.Hour), noon().Add(2*time.Hour))
	put(t.Context(), t, cluster, "orders", 1, noon())
	for _, c := range []struct {
		name   string
		before topics.Point
		only   []int32
		want   []string
	}{
		{"zero value", topics.Point{}, nil, []string{"0: 0 to 0, 0 of 4 [already there]", "1: 0 to 0, 0 of 1 [already there]", "2: 0 to 0, 0 of 0 [empty]"}},
		{"offset", topics.Point{Offset: 1}, nil, []string{"0: 0 to 1, 1 of 4 []", "1: 0 to 1, 1 of 1 []", "2: 0 to 0, 0 of 0 [empty; clamped to the end]"}},
		{"beyond", topics.Point{Offset: 9}, []int32{1, 0}, []string{"0: 0 to 4, 4 of 4 [clamped to the end]", "1: 0 to 1, 1 of 1 [clamped to the end]"}},
		{"negative", topics.Point{Offset: -1}, []int32{0}, []string{"0: 0 to 0, 0 of 4 [already there]"}},
		{"end", topics.Point{End: true}, []int32{0}, []string{"0: 0 to 4, 4 of 4 []"}},
		{"at a record's time", topics.Point{Time: noon()}, []int32{0}, []string{"0: 0 to 0, 0 of 4 [already there]"}},
		{"after it", topics.Point{Time: noon().Add(time.Minute)}, nil, []string{"0: 0 to 1, 1 of 4 []", "1: 0 to 1, 1 of 1 []", "2: 0 to 0, 0 of 0 [empty]"}},
		{"an older one behind", topics.Point{Time: noon().Add(90 * time.Minute)}, []int32{0}, []string{"0: 0 to 3, 3 of 4 []"}},
		{"later than all", topics.Point{Time: noon().Add(24 * time.Hour)}, []int32{0}, []string{"0: 0 to 4, 4 of 4 []"}},
		{"before 1970", topics.Point{Time: time.Unix(-1, 0)}, []int32{0}, []string{"0: 0 to 0, 0 of 4 [already there]"}},
	} {
		rows, err := admin.PlanDeleteRecords(t.Context(), "orders", c.before, topics.DeleteRecordsOptions{Partitions: c.only})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		t.Log(c.name)
		wantRows(t, rows, c.want...)
		for _, d := range rows {
			if !d.DryRun {
				t.Errorf("%s: %+v is no plan", c.name, d)
			}
		}
	}
}

func TestPlanDeleteRecordsRefuses(t *testing.T) {
	t.Parallel()
	admin, _ := startAdmin(t, kfake.SeedTopics(1, "orders", "_schemas"))
	for name, policy := range map[string]string{"state": "compact", "both": "compact,delete"} {
		spec := topics.Spec{Name: name, Partitions: 1, Config: map[string]string{"cleanup.policy": policy}}
		if _, err := admin.Create(t.Context(), []topics.Spec{spec}, topics.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{
		"nobody": topics.ErrNotFound, "o*": topics.ErrInvalidName, "state": topics.ErrCompacted, "both": nil,
		"__consumer_offsets": topics.ErrInternal, "_schemas": topics.ErrInternal,
	} {
		_, err := admin.PlanDeleteRecords(t.Context(), name, topics.Point{End: true}, topics.DeleteRecordsOptions{})
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	if _, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{End: true}, topics.DeleteRecordsOptions{Partitions: []int32{0, 1}}); err == nil ||
		err.Error() != "orders: no partition 1, it has 1, from 0" {
		t.Errorf("partition 1: %v", err)
	}
}

// What arrives while the plan is made stays: it is younger than any time that
// was asked for, whatever its own says.
func TestPlanLeavesWhatArrivesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, arrive := range map[string][]time.Time{
		"none after the time": {noon().Add(-time.Minute)},
		"one after the time":  {noon().Add(-time.Minute), noon().Add(2 * time.Minute)},
	} {
		admin, cluster := clusterAdmin(t, "orders", 1)
		put(t.Context(), t, cluster, "orders", 0, noon())
		asked := 0
		cluster.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if asked++; asked == 2 {
				cluster.SleepControl(func() { put(t.Context(), t, cluster, "orders", 0, arrive...) })
			}
			return nil, nil, false
		})
		rows, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{Time: noon().Add(time.Minute)}, topics.DeleteRecordsOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		wantRows(t, rows, "0: 0 to 1, 1 of 1 []")
	}
}

func TestDeleteRecordsAsksEachLeaderOnce(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 6)
	for p := range int32(6) {
		put(t.Context(), t, cluster, "orders", p, noon(), noon(), noon())
	}
	sizes := make(chan int, 100)
	cluster.ControlKey(int16(kmsg.DeleteRecords), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		sizes <- len(req.(*kmsg.DeleteRecordsRequest).Topics[0].Partitions)
		return nil, nil, false
	})
	plan, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{Offset: 2}, topics.DeleteRecordsOptions{Partitions: []int32{0, 1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	done, err := admin.DeleteRecords(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	leaders, partitions := map[int32]bool{}, 0
	for p := range int32(5) {
		leaders[cluster.LeaderFor("orders", p)] = true
	}
	if len(sizes) != len(leaders) {
		t.Errorf("%d requests to %d leaders", len(sizes), len(leaders))
	}
	for len(sizes) > 0 {
		partitions += <-sizes
	}
	if partitions != 5 {
		t.Errorf("%d partitions asked for", partitions)
	}
	for i, d := range done {
		if d.DryRun || rowText(d) != fmt.Sprintf("%d: 0 to 2, 2 of 3 []", i) {
			t.Errorf("%s, dry run %v", rowText(d), d.DryRun)
		}
	}
	for p, want := range map[int32]int64{4: 2, 5: 0} {
		if got := cluster.PartitionInfo("orders", p).LogStartOffset; got != want {
			t.Errorf("partition %d starts at %d, want %d", p, got, want)
		}
	}
	again, err := admin.DeleteRecords(t.Context(), done[:0])
	if err != nil || len(again) != 0 {
		t.Errorf("an empty plan: %+v, %v", again, err)
	}
}

// answer makes brokers answer the first request for a partition with a
// code, or always.
func answer(cluster *kfake.Cluster, always bool, codes map[int32]int16) {
	left := maps.Clone(codes)
	cluster.ControlKey(int16(kmsg.DeleteRecords), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.DeleteRecordsRequest)
		res := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = req.Topics[0].Topic
		hit := false
		for _, p := range req.Topics[0].Partitions {
			row := kmsg.NewDeleteRecordsResponseTopicPartition()
			row.Partition, row.LowWatermark = p.Partition, p.Offset
			if code, ok := left[p.Partition]; ok {
				row.ErrorCode, row.LowWatermark, hit = code, -1, true
				if !always {
					delete(left, p.Partition)
				}
			}
			topic.Partitions = append(topic.Partitions, row)
		}
		res.Topics = append(res.Topics, topic)
		return res, nil, hit
	})
}

func TestDeleteRecordsFollowsALeader(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 1)
	put(t.Context(), t, cluster, "orders", 0, noon(), noon())
	answer(cluster, false, map[int32]int16{0: 6})
	plan, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{End: true}, topics.DeleteRecordsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done, err := admin.DeleteRecords(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, done, "0: 0 to 2, 2 of 2 []")
	if done[0].Err != nil || done[0].Error != "" {
		t.Errorf("%+v", done[0])
	}
	if got := cluster.PartitionInfo("orders", 0).LogStartOffset; got != 2 {
		t.Errorf("it starts at %d", got)
	}
}

func TestDeleteRecordsTellsPartitionsApart(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 6)
	for p := range int32(6) {
		put(t.Context(), t, cluster, "orders", p, noon())
	}
	answer(cluster, true, map[int32]int16{0: 29, 2: 44, 3: 7, 5: 1})
	plan, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{End: true}, topics.DeleteRecordsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done, err := admin.DeleteRecords(t.Context(), plan)
	if !errors.Is(err, kafka.ErrNotPermitted) || !errors.Is(err, topics.ErrCompacted) {
		t.Errorf("error %v", err)
	}
	wantRows(t, done, "0: 0 to -, - of 1 []", "1: 0 to 1, 1 of 1 []", "2: 0 to -, - of 1 []", "3: 0 to -, - of 1 []", "4: 0 to 1, 1 of 1 []", "5: 0 to -, - of 1 []")
	for p, want := range map[int]string{
		0: "orders/0: deleting records: not permitted on this topic",
		1: "",
		2: "orders/2: deleting records: brokers delete records only where cleanup.policy has delete: refused by the cluster's policy",
		3: "orders/3: its leader has deleted the records, a replica has not followed in 10s: broker timed out",
		5: "orders/5: deleting records: offset is outside the partition's log",
	} {
		if done[p].Error != want {
			t.Errorf("partition %d: %q, want %q", p, done[p].Error, want)
		}
	}
}

// Between a plan and its confirmation a topic may get another of the same name.
func TestDeleteRecordsLeavesANewTopicAlone(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 1)
	put(t.Context(), t, cluster, "orders", 0, noon(), noon())
	plan, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{End: true}, topics.DeleteRecordsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Delete(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	if done, err := admin.DeleteRecords(t.Context(), plan); !errors.Is(err, topics.ErrNotFound) || done[0].NewStart != nil {
		t.Errorf("%+v, error %v", done, err)
	}
	if _, err := admin.Create(t.Context(), []topics.Spec{{Name: "orders", Partitions: 1}}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t.Context(), t, cluster, "orders", 0, noon(), noon())
	if _, err := admin.DeleteRecords(t.Context(), plan); !errors.Is(err, topics.ErrRecreated) {
		t.Errorf("error %v", err)
	}
	if got := cluster.PartitionInfo("orders", 0).LogStartOffset; got != 0 {
		t.Errorf("it starts at %d", got)
	}
}

func TestDeleteRecordsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	admin, cluster := clusterAdmin(t, "orders", 1)
	put(t.Context(), t, cluster, "orders", 0, noon())
	plan, err := admin.PlanDeleteRecords(t.Context(), "orders", topics.Point{End: true}, topics.DeleteRecordsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	answer(cluster, true, map[int32]int16{0: 6})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done, err := admin.DeleteRecords(ctx, plan)
	if !errors.Is(err, context.DeadlineExceeded) || done[0].Err == nil || done[0].Deleted != nil {
		t.Errorf("%+v, error %v", done, err)
	}
}
