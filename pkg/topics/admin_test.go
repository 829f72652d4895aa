package topics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func startAdmin(t *testing.T, opts ...kfake.Opt) (*topics.Admin, string) {
	t.Helper()
	brokers := kafkatest.Start(t, opts...)
	return topics.New(kafkatest.Open(t, brokers)), brokers
}

func send(t *testing.T, brokers, topic string, n int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range n {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func names(list []topics.Topic) string {
	var all []string
	for _, t := range list {
		all = append(all, t.Name)
	}
	return strings.Join(all, " ")
}

func TestListCountsRecordsAndLetters(t *testing.T) {
	t.Parallel()
	admin, brokers := startAdmin(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "orders", "orders.dlq", "invoices"))
	send(t, brokers, "orders", 25)
	send(t, brokers, "orders.dlq", 3)
	for _, c := range []struct {
		opts   topics.ListOptions
		want   string
		missed string
	}{
		{topics.ListOptions{Records: true}, "invoices orders orders.dlq", ""},
		{topics.ListOptions{Records: true, Patterns: []string{"orders"}}, "orders", ""},
		{topics.ListOptions{Records: true, Patterns: []string{"o*", "zz*", "nobody"}}, "orders orders.dlq", "zz* nobody"},
		{topics.ListOptions{Patterns: []string{"nobody"}}, "", "nobody"},
	} {
		got, err := admin.List(t.Context(), c.opts)
		if err != nil || names(got.Topics) != c.want || strings.Join(got.Missed, " ") != c.missed {
			t.Errorf("%+v: %+v, error %v", c.opts, got, err)
			continue
		}
		for _, topic := range got.Topics {
			if topic.Name != "orders" {
				continue
			}
			if topic.Partitions != 4 || topic.Error != "" || topic.Records == nil || *topic.Records != 25 || topic.DLQPending == nil || *topic.DLQPending != 3 {
				t.Errorf("%+v", topic)
			}
		}
	}
	brief, err := admin.List(t.Context(), topics.ListOptions{Records: true, Most: 2})
	if err != nil || !brief.Brief || brief.Topics[0].Records != nil {
		t.Errorf("more than the most: %+v, error %v", brief, err)
	}
	if _, err := admin.List(t.Context(), topics.ListOptions{Patterns: []string{"a["}}); !errors.Is(err, topics.ErrBadPattern) {
		t.Errorf("open bracket: %v", err)
	}
}

func TestListAsksOnceForNames(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	admin := topics.New(kafkatest.Open(t, strings.Join(cluster.ListenAddrs(), ",")))
	asked := make(chan int16, 100)
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked <- req.Key()
		return nil, nil, false
	})
	if _, err := admin.List(t.Context(), topics.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	var keys []int16
	for len(asked) > 0 {
		if key := <-asked; key != 18 {
			keys = append(keys, key)
		}
	}
	if !slices.Equal(keys, []int16{3}) {
		t.Errorf("requests %v, want Metadata (3) once", keys)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	admin, brokers := startAdmin(t)
	spec := topics.Spec{Name: "orders", Partitions: 2, Config: map[string]string{"retention.ms": "1000"}}
	if _, err := admin.Create(t.Context(), []topics.Spec{spec}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	send(t, brokers, "orders", 7)
	list, _, err := admin.Describe(t.Context(), []string{"orders"}, topics.DescribeOptions{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, error %v", list, err)
	}
	d := list[0]
	var sum int64
	for _, p := range d.Partitions {
		sum += *p.End - *p.Start
	}
	if d.ID == "" || len(d.Partitions) != 2 || *d.Records != 7 || sum != 7 || d.Partitions[1].ID != 1 || len(d.Partitions[0].ISR) != 1 {
		t.Errorf("%+v", d)
	}
	own := slices.IndexFunc(d.Config, func(e topics.Entry) bool { return e.Name == "retention.ms" })
	if own < 0 || d.Config[own].Value != "1000" || d.Config[own].Source != topics.SourceTopic {
		t.Errorf("settings: %+v", d.Config)
	}
	_, _, err = admin.Describe(t.Context(), []string{"ordrs"}, topics.DescribeOptions{})
	var missing *topics.NotFoundError
	if !errors.As(err, &missing) || !slices.Equal(missing.Near, []string{"orders"}) {
		t.Errorf("a name with a typing error: %v %+v", err, missing)
	}
	if _, missed, err := admin.Describe(t.Context(), []string{"z*"}, topics.DescribeOptions{}); err != nil || len(missed) != 1 {
		t.Errorf("a glob for nothing: %v, error %v", missed, err)
	}
}

func TestAlter(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]kfake.Opt{
		"incremental": nil,
		// A broker before 2.3 replaces a topic's settings all at once.
		"whole": {kfake.MaxVersions(kversion.V2_2_0())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin, brokers := startAdmin(t, opts...)
			spec := topics.Spec{Name: "orders", Partitions: 2, Config: map[string]string{"retention.ms": "1000", "segment.ms": "5"}}
			if _, err := admin.Create(t.Context(), []topics.Spec{spec}, topics.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			change := topics.Change{Set: map[string]string{"retention.ms": "+1000", "max.message.bytes": "5"}, Delete: []string{"segment.ms"}, Partitions: 3}
			dry, err := admin.Alter(t.Context(), "orders", change, topics.AlterOptions{DryRun: true})
			if err != nil || len(dry.Changes) != 3 || dry.KeysMove {
				t.Fatalf("dry run: %+v, error %v", dry, err)
			}
			send(t, brokers, "orders", 1)
			done, err := admin.Alter(t.Context(), "orders", change, topics.AlterOptions{})
			if err != nil || len(done.Changes) != 3 || !done.KeysMove {
				t.Fatalf("%+v, error %v", done, err)
			}
			again, err := admin.Alter(t.Context(), "orders", change, topics.AlterOptions{})
			if err != nil || len(again.Changes) != 0 {
				t.Fatalf("again: %+v, error %v", again, err)
			}
			want := topics.Spec{Name: "orders", Partitions: 3, Config: map[string]string{"retention.ms": "1000", "max.message.bytes": "5"}}
			var exists *topics.ExistsError
			if _, err := admin.Create(t.Context(), []topics.Spec{want}, topics.CreateOptions{}); !errors.As(err, &exists) || len(exists.Differences) > 0 {
				t.Errorf("afterwards: %v", err)
			}
			if _, err := admin.Alter(t.Context(), "orders", topics.Change{Partitions: 2}, topics.AlterOptions{}); !errors.Is(err, topics.ErrShrink) {
				t.Errorf("fewer partitions: %v", err)
			}
			if _, err := admin.Alter(t.Context(), "nobody", topics.Change{Partitions: 2}, topics.AlterOptions{}); !errors.Is(err, topics.ErrNotFound) {
				t.Errorf("no such topic: %v", err)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	admin, _ := startAdmin(t, kfake.SeedTopics(1, "a", "b"))
	done, err := admin.Delete(t.Context(), []string{"a", "nobody"})
	if !errors.Is(err, topics.ErrNotFound) || done[0].Err != nil || done[1].Err == nil {
		t.Fatalf("%+v, error %v", done, err)
	}
	list, err := admin.List(t.Context(), topics.ListOptions{})
	if err != nil || names(list.Topics) != "b" {
		t.Errorf("%+v, error %v", list, err)
	}
}

func TestApplyIsIdempotentAndPrunesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	admin, brokers := startAdmin(t, kfake.SeedTopics(1, "stray", "_state", "grows"))
	send(t, brokers, "stray", 4)
	specs, err := topics.ParseFile("topics.yaml", []byte(`
defaults: {partitions: 2}
topics:
  - {name: orders, dlq: true, config: {max.message.bytes: 1000}}
  - {name: grows}
`), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"create create alter", "unchanged unchanged unchanged"} {
		steps, err := admin.Plan(t.Context(), specs, topics.PlanOptions{})
		if err != nil || verbs(steps) != want {
			t.Fatalf("plan %s, error %v, want %s", verbs(steps), err, want)
		}
		if _, err := admin.Apply(t.Context(), steps, topics.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	shrink := []topics.Spec{{Name: "new"}, {Name: "orders", Partitions: 1}}
	steps, err := admin.Plan(t.Context(), shrink, topics.PlanOptions{})
	if err != nil || verbs(steps) != "create conflict" {
		t.Fatalf("plan %s, error %v", verbs(steps), err)
	}
	if _, err := admin.Apply(t.Context(), steps, topics.ApplyOptions{}); !errors.Is(err, topics.ErrConflict) {
		t.Errorf("a conflict: %v", err)
	}
	steps, err = admin.Plan(t.Context(), specs, topics.PlanOptions{Prune: true})
	if err != nil || verbs(steps) != "unchanged unchanged unchanged delete" || *steps[3].Records != 4 {
		t.Fatalf("pruning plan %+v, error %v", steps, err)
	}
	if _, err := admin.Apply(t.Context(), steps, topics.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	list, err := admin.List(t.Context(), topics.ListOptions{})
	if err != nil || names(list.Topics) != "_state grows orders orders.dlq" {
		t.Errorf("at the end: %s, error %v", names(list.Topics), err)
	}
}

func verbs(steps []topics.Step) string {
	var all []string
	for _, s := range steps {
		all = append(all, string(s.Verb))
	}
	return strings.Join(all, " ")
}

// A controller that moved, or keeps a quota, is asked again about partitions too.
func TestAlterAsksAgainForPartitions(t *testing.T) {
	t.Parallel()
	for _, cause := range []*kerr.Error{kerr.NotController, kerr.ThrottlingQuotaExceeded} {
		t.Run(cause.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders"))
			admin := topics.New(kafkatest.Open(t, kafkatest.Bootstrap(cluster)))
			put := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreatePartitions}, Err: cause, Count: 2})
			done, err := admin.Alter(t.Context(), "orders", topics.Change{Partitions: 3}, topics.AlterOptions{})
			if err != nil || len(done.Changes) != 1 {
				t.Errorf("%+v, %v", done, err)
			}
			if put.Hits() != 2 {
				t.Errorf("%d requests failed, want 2", put.Hits())
			}
		})
	}
}

// A plan says of topics that were made and cannot be used yet what a creation says.
func TestApplyTellsTopicsWithoutLeaders(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{kafkatest.Bootstrap(cluster)}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	admin := topics.New(c)
	steps, err := admin.Plan(t.Context(), []topics.Spec{{Name: "orders", Partitions: 1}}, topics.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "orders", Err: kerr.LeaderNotAvailable, Count: -1})
	done, err := admin.Apply(t.Context(), steps, topics.ApplyOptions{})
	if !errors.Is(err, topics.ErrNotReady) || !done[0].Done {
		t.Errorf("%+v, %v; want a topic that is made and not ready", done, err)
	}
}
