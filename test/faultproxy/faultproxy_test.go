package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/faultproxy"
)

// open starts three brokers behind a proxy, and a client in front of it.
func open(t *testing.T, o faultproxy.Options, client string) (*faultproxy.Proxy, *kafka.Client) {
	t.Helper()
	proxy := faultproxy.Start(t, kafkatest.Start(t, kfake.NumBrokers(3), kfake.SeedTopics(6, "orders")), o)
	return proxy, connect(t, proxy, client)
}

func connect(t *testing.T, proxy *faultproxy.Proxy, client string) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{proxy.Bootstrap()}, ClientID: client, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func ends(ctx context.Context, c *kafka.Client) (map[kafka.TopicPartition]int64, error) {
	at := map[kafka.TopicPartition]int64{}
	for p := range int32(6) {
		at[kafka.TopicPartition{Topic: "orders", Partition: p}] = kafka.Latest
	}
	return c.Offsets(ctx, at, kafka.ReadUncommitted)
}

func TestEveryBrokerIsReachedThroughTheProxy(t *testing.T) {
	t.Parallel()
	proxy, c := open(t, faultproxy.Options{}, "")
	meta, err := c.Metadata(t.Context(), []string{"orders"})
	if err != nil {
		t.Fatal(err)
	}
	if len(meta.Brokers) != 3 {
		t.Fatalf("%d brokers", len(meta.Brokers))
	}
	for _, b := range meta.Brokers {
		if !strings.Contains(proxy.Bootstrap(), b.Addr) {
			t.Errorf("broker %d is advertised at %s, not at one of %s", b.ID, b.Addr, proxy.Bootstrap())
		}
	}
	got, err := ends(t.Context(), c)
	if err != nil || len(got) != 6 {
		t.Errorf("%v, %v", got, err)
	}
}

// Two brokers are not among the bootstrap addresses.
func TestABrokerHeardOfLater(t *testing.T) {
	t.Parallel()
	all := strings.Split(kafkatest.Start(t, kfake.NumBrokers(3), kfake.SeedTopics(6, "orders")), ",")
	proxy := faultproxy.Start(t, all[0], faultproxy.Options{})
	c := connect(t, proxy, "")
	meta, err := c.Metadata(t.Context(), []string{"orders"})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range meta.Brokers {
		if strings.Contains(strings.Join(all, ","), b.Addr) {
			t.Errorf("broker %d is advertised at its own address %s", b.ID, b.Addr)
		}
	}
	if got, err := ends(t.Context(), c); err != nil || len(got) != 6 || proxy.Count(faultproxy.ListOffsets) == 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const rtt = 40 * time.Millisecond
	_, c := open(t, faultproxy.Options{RTT: rtt}, "")
	if _, err := ends(t.Context(), c); err != nil { // connects
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := ends(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < rtt || took > 50*rtt {
		t.Errorf("took %v, want about %v", took, rtt)
	}
}

func TestDropCutsOrIsSilent(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		for _, answer := range []bool{false, true} {
			t.Run(fmt.Sprintf("silent=%v,answer=%v", silent, answer), func(t *testing.T) {
				t.Parallel()
				proxy, c := open(t, faultproxy.Options{}, "")
				fault := proxy.Add(faultproxy.Rule{Key: faultproxy.Metadata, Answer: answer, Times: -1, Do: faultproxy.Drop, Silent: silent})
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				_, err := c.Metadata(ctx, []string{"orders"})
				if silent != errors.Is(err, context.DeadlineExceeded) || err == nil {
					t.Errorf("got %v", err)
				}
				if !fault.WasHit() {
					t.Error("the rule did not hit")
				}
			})
		}
	}
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	proxy, c := open(t, faultproxy.Options{}, "")
	var hits []int
	n := 0
	proxy.Add(faultproxy.Rule{Key: faultproxy.Metadata, Times: -1, Match: func(faultproxy.Frame) bool { n++; return false }})
	proxy.Add(faultproxy.Rule{Key: faultproxy.Metadata, Nth: 2, Times: 2, Hook: func(faultproxy.Frame) { hits = append(hits, n) }})
	for range 5 {
		if _, err := c.Metadata(t.Context(), []string{"orders"}); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(hits) != "[2 3]" {
		t.Errorf("hit %v, want the second and the third", hits)
	}
}

func TestHeldRequestArrivesLate(t *testing.T) {
	t.Parallel()
	proxy, c := open(t, faultproxy.Options{}, "")
	held := proxy.Add(faultproxy.Rule{Key: faultproxy.Metadata, Do: faultproxy.Hold, Match: func(f faultproxy.Frame) bool {
		r, ok := f.Request().(*kmsg.MetadataRequest)
		return ok && len(r.Topics) == 1 && r.Topics[0].Topic != nil && *r.Topics[0].Topic == "orders"
	}})
	// The client asks again on another connection, which passes.
	if _, err := c.Metadata(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	if !held.WasHit() {
		t.Fatal("the rule did not hit")
	}
	answer := held.Deliver()
	if answer == nil {
		t.Fatal("the broker did not answer the late request")
	}
	if r, ok := answer.Response().(*kmsg.MetadataResponse); !ok || len(r.Topics) != 1 || *r.Topics[0].Topic != "orders" {
		t.Errorf("got %#v", answer.Response())
	}
}

func TestKillIsForOneClient(t *testing.T) {
	t.Parallel()
	proxy, a := open(t, faultproxy.Options{}, "a")
	b := connect(t, proxy, "b")
	proxy.Kill("a")
	if _, err := a.Metadata(t.Context(), []string{"orders"}); !errors.Is(err, kafka.ErrUnreachable) {
		t.Errorf("a: %v", err)
	}
	if _, err := b.Metadata(t.Context(), []string{"orders"}); err != nil {
		t.Errorf("b: %v", err)
	}
}

func TestScheduleFollowsItsSeed(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, kafkatest.Start(t), faultproxy.Options{})
	text := func(seed uint64) string {
		var b strings.Builder
		for _, f := range proxy.Schedule(seed, faultproxy.Plan{}).Faults {
			fmt.Fprintln(&b, f.Rule)
		}
		return b.String()
	}
	if one, two := text(7), text(7); one != two || strings.Count(one, "\n") != 8 {
		t.Errorf("seed 7 gave\n%s\nand\n%s", one, two)
	}
	if text(7) == text(8) {
		t.Error("seeds 7 and 8 gave the same")
	}
}
