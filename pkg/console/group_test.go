package console_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
)

// commits asks the broker for a group's offsets in a topic, by partition; -1
// is none.
func commits(t *testing.T, bootstrap, group, topic string, partitions int) []int64 {
	t.Helper()
	client := newProducer(t, bootstrap)
	defer client.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic = topic
	for p := range partitions {
		rt.Partitions = append(rt.Partitions, int32(p))
	}
	req.Topics = append(req.Topics, rt)
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	gt.Topic, gt.Partitions = topic, rt.Partitions
	rg.Topics = append(rg.Topics, gt)
	req.Groups = append(req.Groups, rg)
	res, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]int64, partitions)
	for _, g := range res.Groups {
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				list[p.Partition] = p.Offset
			}
		}
	}
	for _, topic := range res.Topics {
		for _, p := range topic.Partitions {
			list[p.Partition] = p.Offset
		}
	}
	return list
}

func TestGroupCommitsWhatIsWritten(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	opts := console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start"), Group: &console.GroupOptions{ID: "g"}}

	opts.Max = 3
	if got, _ := read(t, c, opts); got != lines(series("a", 0, 0, 3)) {
		t.Errorf("without commit: %q", got)
	}
	if got := commits(t, bootstrap, "g", "a", 1); got[0] != -1 {
		t.Errorf("committed %v without being told to", got)
	}

	opts.Group.Commit = true
	for i, want := range []int64{3, 6} {
		if got, _ := read(t, c, opts); got != lines(series("a", 0, 3*i, 3)) {
			t.Errorf("run %d: %q", i, got)
		}
		if got := commits(t, bootstrap, "g", "a", 1); got[0] != want {
			t.Errorf("run %d committed %v, want %d", i, got, want)
		}
	}

	opts.Max, opts.ExitAtEnd = 0, true
	if got, _ := read(t, c, opts); got != lines(series("a", 0, 6, 4)) {
		t.Errorf("to the end: %q", got)
	}
	if got, _ := read(t, c, opts); got != "" {
		t.Errorf("at the end: %q", got)
	}
	if got := commits(t, bootstrap, "g", "a", 1); got[0] != 10 {
		t.Errorf("committed %v, want 10", got)
	}
}

// What a filter turns down is read, too: the group's offset passes it.
func TestGroupCommitsPastUnwantedRecords(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	var filter console.Filter
	if err := filter.Grep("v:/4$"); err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, c, console.ConsumeOptions{
		Topics: []string{"a"}, Range: rangeOf(t, "start"), ExitAtEnd: true, Filter: &filter, Group: &console.GroupOptions{ID: "g", Commit: true},
	})
	if offsets := commits(t, bootstrap, "g", "a", 1); got != "0/4\n" || offsets[0] != 10 {
		t.Errorf("%q, committed %v", got, offsets)
	}
}

// A group that has read all of a topic has no lag, also where that ends with markers
// of transactions and aborted records; one that stops before has what it was not shown.
func TestGroupCommitsPastMarkersAndAbortedRecords(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	client := newProducer(t, bootstrap, kgo.TransactionalID("tx"))
	defer client.Close()
	transact(t, client, kgo.TryCommit, series("a", 0, 0, 3)...) // and a marker: offsets 0 to 3
	transact(t, client, kgo.TryAbort, series("a", 0, 100, 3)...)
	opts := console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start"), Max: 2, Group: &console.GroupOptions{ID: "g", Commit: true}}
	for _, step := range []struct {
		max, want int64
		text      string
	}{{2, 2, "0/0\n0/1\n"}, {0, 8, "0/2\n"}, {0, 8, ""}} {
		opts.Max, opts.ExitAtEnd = step.max, step.max == 0
		if got, _ := read(t, c, opts); got != step.text {
			t.Errorf("read %q, want %q", got, step.text)
		}
		if got := commits(t, bootstrap, "g", "a", 1); got[0] != step.want {
			t.Errorf("after %q committed %v, want %d", step.text, got, step.want)
		}
	}

	// The same while it follows.
	transact(t, client, kgo.TryAbort, series("a", 0, 200, 3)...) // up to 12
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	opts.Max, opts.ExitAtEnd = 0, false
	go func() {
		_, err := console.Consume(ctx, c, &output{}, console.NewPrinter(console.PrintOptions{}), opts)
		done <- err
	}()
	for deadline := time.Now().Add(20 * time.Second); commits(t, bootstrap, "g", "a", 1)[0] != 12; {
		if time.Now().After(deadline) {
			t.Fatalf("committed %v while following, want 12", commits(t, bootstrap, "g", "a", 1))
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestGroupCommitsNothingThatIsNotWritten(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	_, err := console.Consume(t.Context(), c, &broken{}, console.NewPrinter(console.PrintOptions{}), console.ConsumeOptions{
		Topics: []string{"a"}, Range: rangeOf(t, "start"), Group: &console.GroupOptions{ID: "g", Commit: true},
	})
	if err == nil {
		t.Error("a broken output is no error")
	}
	if got := commits(t, bootstrap, "g", "a", 1); got[0] != -1 {
		t.Errorf("committed %v of what nobody saw", got)
	}
}

func TestGroupSharesPartitionsAndCommitsAtTheInterrupt(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"))
	opts := console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start"), Group: &console.GroupOptions{ID: "g", Commit: true}}
	first := follow(t, kafkatest.Open(t, bootstrap), opts)
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	if _, err := cluster.WaitGroupStable(ctx, "g", 1); err != nil {
		t.Fatal(err)
	}
	second := follow(t, kafkatest.Open(t, bootstrap), opts)
	if _, err := cluster.WaitGroupStable(ctx, "g", 2); err != nil {
		t.Fatal(err)
	}
	client := newProducer(t, bootstrap)
	defer client.Close()
	// Until both have a partition, records may come to either.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for first.String() == "" || second.String() == "" {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("first %q, second %q", first.String(), second.String())
		}
		if err := client.ProduceSync(ctx, value("a", 0, "x"), value("a", 1, "x")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	for strings.Count(first.String()+second.String(), "\n") < 2*sent {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("first %q, second %q of %d", first.String(), second.String(), 2*sent)
		}
	}
	for _, f := range []*following{second, first} {
		if err := f.end(t); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if got := commits(t, bootstrap, "g", "a", 2); got[0] != int64(sent) || got[1] != int64(sent) {
		t.Errorf("committed %v, want %d each", got, sent)
	}
	if info := cluster.GroupInfo("g"); info != nil && len(info.Members) > 0 {
		t.Errorf("members stay behind: %+v", info.Members)
	}
}

func TestGroupJoinsMembersByTheirAssignor(t *testing.T) {
	t.Parallel()
	for name, balancer := range map[string]kgo.GroupBalancer{"roundrobin": kgo.RoundRobinBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"))
			service := newProducer(t, bootstrap, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("a"), kgo.Balancers(balancer))
			defer service.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
			defer cancel()
			if _, err := cluster.WaitGroupStable(ctx, "g", 1); err != nil {
				t.Fatal(err)
			}
			f := follow(t, kafkatest.Open(t, bootstrap), console.ConsumeOptions{Topics: []string{"a"}, Group: &console.GroupOptions{ID: "g"}})
			go func() {
				for ctx.Err() == nil {
					service.PollFetches(ctx)
				}
			}()
			if _, err := cluster.WaitGroupStable(ctx, "g", 2); err != nil {
				t.Fatalf("%v; notices: %s", err, f.notices.String())
			}
			_ = f.end(t)
			cancel()
		})
	}
}

func TestGroupRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	c := kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(1, "a")))
	for _, opts := range []console.ConsumeOptions{
		{Tail: 1}, {Partitions: []int32{0}}, {Order: console.ByTime}, {Range: rangeOf(t, "5")}, {Range: rangeOf(t, "-5")}, {Range: rangeOf(t, ":end")}, {Range: rangeOf(t, "@1h")},
	} {
		opts.Topics, opts.Group = []string{"a"}, &console.GroupOptions{ID: "g"}
		if _, err := console.Consume(t.Context(), c, &output{}, console.NewPrinter(console.PrintOptions{}), opts); err == nil || !strings.HasPrefix(err.Error(), "group g: ") {
			t.Errorf("%+v: %v", opts.Range, err)
		}
	}
}

// Retention that overtakes a group takes no more from it than what is deleted.
func TestGroupGoesOnWithWhatRetentionLeft(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	group := &console.GroupOptions{ID: "g", Commit: true}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start"), Group: group, Max: 2}); got != lines(series("a", 0, 0, 2)) {
		t.Fatalf("before: %q", got)
	}
	if err := cluster.DeleteRecords("a", 0, 4); err != nil {
		t.Fatal(err)
	}
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Group: group})
	f.await(t, lines(series("a", 0, 4, 6)))
	f.notices.await(t, "a/0: offset 2 is no longer there: reading from 4, where the log starts\n")
	if err := f.end(t); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := commits(t, bootstrap, "g", "a", 1); got[0] != 10 {
		t.Errorf("committed %v, want 10", got)
	}
}
