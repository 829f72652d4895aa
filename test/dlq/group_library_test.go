package dlq_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// consume counts what a group of the library handles; broken says whether it
// fails on everything.
func (b *bench) consume(group string, broken *atomic.Bool) *atomic.Int64 {
	b.t.Helper()
	bus, err := eventbus.Connect(b.t.Context(), group, eventbus.Options{Brokers: strings.Split(b.conn.Bootstrap, ","), AllowAnyGroup: true})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = bus.Close(context.WithoutCancel(b.t.Context())) })
	var handled atomic.Int64
	_, err = bus.SubscribeRecords(b.t.Context(), b.source, func(context.Context, eventbus.Record) error {
		if broken != nil && broken.Load() {
			return eventbus.Permanent(errors.New("no such invoice"))
		}
		handled.Add(1)
		return nil
	}, eventbus.Subscription{Group: group, FromBeginning: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return &handled
}

// until polls for a minute.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// Two groups of the library consume a topic and one of them fails: replayed to
// that one, on its retry topic or on the topic itself, the letters reach it and
// not the other, and the watch proves that they passed.
func TestReplayToOneGroupOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, retryTopic := range []bool{true, false} {
		name := map[bool]string{true: "retry topic", false: "same topic"}[retryTopic]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, realkafka.Shared(t), 2)
			if retryTopic {
				b.create(b.source+".retry.billing-"+b.source, 2)
			}
			var broken atomic.Bool
			broken.Store(true)
			billing, mail := b.consume("billing-"+b.source, &broken), b.consume("mail-"+b.source, nil)
			peers.KcatProduce(t, b.conn, b.source, []byte("k1:one\nk2:two\nk3:three\n"), "-K:")
			until(t, "mail handles 3 records and billing dead-letters them", func() bool { return mail.Load() == 3 && b.count(b.queue) == 3 })
			broken.Store(false)
			out := b.mustReplay("--for-group", "original")
			until(t, "billing handles its 3 letters\n"+out, func() bool { return billing.Load() == 3 })
			out = b.mustRun(0, "dlq", "watch", "--until-done", "--settle", "1s", "--ledger", b.ledger)
			says(t, out, `3 replayed: 3 passed$`)
			// A record that comes after them shows that mail is past them.
			peers.KcatProduce(t, b.conn, b.source, []byte("k1:after\nk2:after\nk3:after\n"), "-K:")
			until(t, "both handle what comes after", func() bool { return billing.Load() == 6 && mail.Load() >= 6 })
			if n := mail.Load(); n != 6 {
				t.Errorf("mail handled %d records, want its 6: it saw letters of billing", n)
			}
			if n := b.count(b.queue); n != 3 {
				t.Errorf("the queue holds %d letters, want the 3 of before", n)
			}
		})
	}
}
