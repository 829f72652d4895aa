package groups_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// consume joins a group with another maker's client, reads n records and
// commits them. It stays in the group until the test ends, or leaves at once.
func consume(t *testing.T, brokers, group string, n int, stay, newProtocol bool) {
	t.Helper()
	ctx := t.Context()
	if newProtocol {
		//lint:ignore SA1029 it is the client's own key
		ctx = context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ClientID("svc-"+group), kgo.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	var got []*kgo.Record
	deadline, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for len(got) < n {
		fetches := cl.PollRecords(deadline, n-len(got))
		if err := fetches.Err0(); err != nil {
			t.Fatalf("group %s: %v", group, err)
		}
		got = append(got, fetches.Records()...)
	}
	if err := cl.CommitRecords(ctx, got...); err != nil {
		t.Fatalf("group %s: %v", group, err)
	}
	if stay {
		t.Cleanup(cl.Close)
	} else {
		cl.Close()
	}
}

// A broker that starts, or makes the topic of the offsets, does not know its
// groups yet.
func TestListWaitsForACoordinatorThatLoads(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(2, "orders"))
	brokers := kafkatest.Bootstrap(cluster)
	produce(t, brokers, 3, time.Now())
	consume(t, brokers, "g", 3, false, false)
	codes := []int16{kerr.CoordinatorLoadInProgress.Code, kerr.CoordinatorNotAvailable.Code}
	cluster.ControlKey(int16(kmsg.ListGroups), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if len(codes) == 0 {
			return nil, nil, false
		}
		res := kreq.ResponseKind().(*kmsg.ListGroupsResponse)
		res.ErrorCode, codes = codes[0], codes[1:]
		return res, nil, true
	})
	list, err := groups.New(kafkatest.Open(t, brokers)).List(t.Context(), groups.ListOptions{})
	if err != nil || len(list.Groups) != 1 || len(codes) != 0 {
		t.Errorf("%+v, error %v, %d refusals left", list, err, len(codes))
	}
}

func produce(t *testing.T, brokers string, n int, at time.Time) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range n {
		r := &kgo.Record{Topic: "orders", Partition: int32(i % 2), Value: fmt.Appendf(nil, "%d", i), Timestamp: at}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func start(t *testing.T) (string, *groups.Groups) {
	t.Helper()
	brokers := kafkatest.Start(t, kfake.NumBrokers(3), kfake.SeedTopics(2, "orders"))
	return brokers, groups.New(kafkatest.Open(t, brokers))
}

func TestListTellsMembersAndLag(t *testing.T) {
	t.Parallel()
	brokers, g := start(t)
	produce(t, brokers, 10, time.Now())
	consume(t, brokers, "live", 10, true, false)
	consume(t, brokers, "left", 10, false, false)
	produce(t, brokers, 4, time.Now())
	list, err := g.List(t.Context(), groups.ListOptions{})
	if err != nil || len(list.Groups) != 2 {
		t.Fatalf("%+v, error %v", list, err)
	}
	for i, want := range []struct {
		name    string
		members int
		lag     int64
		state   string
	}{{"left", 0, 4, "Empty"}, {"live", 1, 4, "Stable"}} {
		got := list.Groups[i]
		if got.Name != want.name || got.Type != groups.Classic || got.State != want.state || got.Members == nil || *got.Members != want.members ||
			got.Lag == nil || *got.Lag != want.lag || got.Error != "" || got.Live() != (want.members > 0) {
			t.Errorf("got %+v (members %v, lag %v), want %+v", got, deref(got.Members), deref(got.Lag), want)
		}
	}
	some, err := g.List(t.Context(), groups.ListOptions{Patterns: []string{"li*", "none*"}, Names: true})
	if err != nil || len(some.Groups) != 1 || some.Groups[0].Name != "live" || len(some.Missed) != 1 || some.Missed[0] != "none*" {
		t.Errorf("patterns: %+v, error %v", some, err)
	}
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func TestDescribeTellsPartitionsOfBothProtocols(t *testing.T) {
	t.Parallel()
	for _, newProtocol := range []bool{false, true} {
		t.Run(fmt.Sprintf("new=%v", newProtocol), func(t *testing.T) {
			t.Parallel()
			brokers, g := start(t)
			produce(t, brokers, 10, time.Now())
			consume(t, brokers, "svc", 10, true, newProtocol)
			produce(t, brokers, 1, time.Now().Add(-time.Hour))
			list, missed, err := g.Describe(t.Context(), []string{"svc"})
			if err != nil || len(list) != 1 || len(missed) != 0 {
				t.Fatalf("%+v, missed %v, error %v", list, missed, err)
			}
			d := list[0]
			want := groups.Classic
			if newProtocol {
				want = groups.Consumer
			}
			if d.Type != want || d.State != "Stable" || len(d.MemberOf) != 1 || d.MemberOf[0].ClientID != "svc-svc" || len(d.MemberOf[0].Assigned) != 2 {
				t.Fatalf("%+v", d)
			}
			if len(d.Partitions) != 2 {
				t.Fatalf("partitions: %+v", d.Partitions)
			}
			p0, p1 := d.Partitions[0], d.Partitions[1]
			if *p0.Current != 5 || *p0.End != 6 || *p0.Lag != 1 || p0.LagSeconds == nil || *p0.LagSeconds < 3600 || *p0.LagSeconds > 3700 ||
				p0.Member != d.MemberOf[0].ID || p0.Host == "" {
				t.Errorf("partition 0: %+v", p0)
			}
			if *p1.Lag != 0 || p1.LagSeconds == nil || *p1.LagSeconds != 0 {
				t.Errorf("partition 1: %+v", p1)
			}
		})
	}
}

func TestDescribeRefusesAnUnknownName(t *testing.T) {
	t.Parallel()
	_, g := start(t)
	if _, _, err := g.Describe(t.Context(), []string{"nobody"}); !errors.Is(err, groups.ErrNotFound) || err.Error() != "nobody: no such consumer group" {
		t.Errorf("a name: %v", err)
	}
	if _, missed, err := g.Describe(t.Context(), []string{"no*"}); err != nil || len(missed) != 1 {
		t.Errorf("a glob: missed %v, error %v", missed, err)
	}
}

func TestLiveTakesTheUnknownForLive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		group groups.Group
		want  bool
	}{
		{groups.Group{Type: "martian", State: "Stable"}, true},
		{groups.Group{Type: groups.Share, State: "Empty"}, false},
		{groups.Group{Type: groups.Share}, true},
	} {
		if c.group.Live() != c.want {
			t.Errorf("%+v: live %v", c.group, !c.want)
		}
	}
}
