package eventbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// TestTopicThatGrows: a group heard of new partitions after the ten to twenty minutes
// that the protocol client takes for it, and then began at their ends: what had been
// written there was lost to it.
func TestTopicThatGrows(t *testing.T) {
	t.Parallel()
	for _, fromBeginning := range []bool{false, true} {
		t.Run(fmt.Sprintf("FromBeginning %t", fromBeginning), func(t *testing.T) {
			t.Parallel()
			b := connect(t, 1, "orders", "orders.dlq")
			b.lookEvery = 200 * time.Millisecond
			put(t, b, "orders", outgoing{value: []byte("old")})
			var handled sync.Map
			if _, err := b.SubscribeRecords(t.Context(), "orders", func(_ context.Context, r Record) error {
				handled.Store(string(r.Value), true)
				return nil
			}, Subscription{Group: "svc-x-consumer", FromBeginning: fromBeginning}); err != nil {
				t.Fatal(err)
			}
			awaitPartition(t, b)
			admin, err := sarama.NewClusterAdminFromClient(b.client.Wire().Client)
			if err != nil {
				t.Fatal(err)
			}
			if err := admin.CreatePartitions("orders", 3, nil, false); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				put(t, b, "orders", outgoing{partition: 1 + int32(i%2), value: []byte(strconv.Itoa(i))})
			}
			eventually(t, "what was written to new partitions", func() error {
				for i := range 20 {
					if _, ok := handled.Load(strconv.Itoa(i)); !ok {
						return fmt.Errorf("record %d is not handled", i)
					}
				}
				return nil
			})
			if _, old := handled.Load("old"); old != fromBeginning {
				t.Errorf("what was there before the group is handled: %t", old)
			}
		})
	}
}

// TestGroupAheadOfItsTopic: a group whose offset lies beyond the log's end, as after
// the topic was deleted and made again, began anew with FromBeginning, but went on
// committing the old offset, and after its next start skipped what came before that.
func TestGroupAheadOfItsTopic(t *testing.T) {
	t.Parallel()
	for _, fromBeginning := range []bool{false, true} {
		t.Run(fmt.Sprintf("FromBeginning %t", fromBeginning), func(t *testing.T) {
			t.Parallel()
			b := connect(t, 1, "orders", "orders.dlq")
			o := Subscription{Group: "svc-x-consumer", FromBeginning: fromBeginning}
			var handled sync.Map
			begin := func() (stop func(context.Context) error) {
				stop, err := b.SubscribeRecords(t.Context(), "orders", func(_ context.Context, r Record) error {
					handled.Store(string(r.Value), true)
					return nil
				}, o)
				if err != nil {
					t.Fatal(err)
				}
				return stop
			}
			write := func(from, to int) {
				for i := from; i < to; i++ {
					put(t, b, "orders", outgoing{value: []byte(strconv.Itoa(i))})
				}
			}
			all := func(to int) error {
				for i := range to {
					if _, ok := handled.Load(strconv.Itoa(i)); !ok {
						return fmt.Errorf("record %d is not handled", i)
					}
				}
				return nil
			}
			stop := begin() // so that there is a group
			awaitPartition(t, b)
			if err := stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			offsets, err := sarama.NewOffsetManagerFromClient(o.Group, b.client.Wire().Client)
			if err != nil {
				t.Fatal(err)
			}
			place, err := offsets.ManagePartition("orders", 0)
			if err != nil {
				t.Fatal(err)
			}
			place.MarkOffset(50, "")
			offsets.Commit()
			if err := errors.Join(place.Close(), offsets.Close()); err != nil {
				t.Fatal(err)
			}

			write(0, 10)
			stop = begin()
			eventually(t, "what is in the new log", func() error { return all(10) })
			if err := stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			write(10, 80)
			begin()
			eventually(t, "what came meanwhile", func() error { return all(80) })
		})
	}
}
