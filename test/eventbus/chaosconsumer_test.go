package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

// fate is what the handler does with a record: chosen by its content, so that
// every consumer treats it alike.
func fate(value string) (took time.Duration, failures int) {
	h := fnv.New32a()
	_, _ = io.WriteString(h, value)
	n := h.Sum32()
	took = time.Duration(n%2000) * time.Microsecond
	switch n / 2000 % 1000 {
	case 0:
		return took, -1
	case 1, 2, 3, 4, 5:
		return took, 1
	}
	return took, 0
}

// chaosConsumer is the life of a consuming process. It writes a line for each
// record that it handled, before it says so, and ends when its input does.
func chaosConsumer() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := consume(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		return 1
	}
	return 0
}

func consume(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	ledger, err := os.OpenFile(os.Getenv("LEDGER"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer ledger.Close()
	bus, err := eventbus.Connect(ctx, "svc", eventbus.Options{Brokers: strings.Split(os.Getenv("BROKERS"), ","), AllowAnyGroup: true})
	if err != nil {
		return err
	}
	note := func(r *eventbus.Record, how string) error {
		line := how + " " + strconv.Itoa(int(r.Partition)) + " " + strconv.FormatInt(r.Offset, 10) + " " + string(r.Key) + " " +
			strconv.FormatInt(time.Now().UnixNano(), 10) + " " + string(r.Value) + "\n"
		_, err := ledger.WriteString(line)
		return err
	}
	handle := func(ctx context.Context, r eventbus.Record) error {
		value := string(r.Value)
		took, failures := fate(value)
		timer := time.NewTimer(took)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if failures < 0 || r.Attempt <= failures {
			if err := note(&r, "failed"); err != nil {
				return err
			}
			return errors.New("cannot handle it")
		}
		return note(&r, "done")
	}
	_, err = bus.SubscribeRecords(ctx, os.Getenv("TOPIC"), handle, eventbus.Subscription{
		Group: os.Getenv("GROUP"), FromBeginning: true, SessionTimeout: 6 * time.Second, DrainTimeout: 5 * time.Second,
		MaxInFlight: 1000, MaxSpan: chaosSpan, DoneBits: os.Getenv("DONEBITS") == "1",
		Retries: []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	// A letter under way to a broker that was just killed takes until its partitions have
	// another leader: the controllers' election and the broker's session, 6 to 8 s.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	return bus.Close(closing)
}

// chaosSpan bounds how many records of a partition one crash may repeat.
const chaosSpan = 2000
