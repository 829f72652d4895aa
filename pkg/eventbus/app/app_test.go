package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

const (
	topic = "tenant.events"
	group = "audit-service-tenant-consumer"
)

func connect(t *testing.T, o app.Options) *app.App {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, topic, topic+".dlq", "user.events", "user.events.dlq"))
	o.Bus.Brokers = cluster.ListenAddrs()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	a, err := app.Connect(t.Context(), "audit-service", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Bus().Close(context.WithoutCancel(t.Context())) })
	return a
}

// running runs the app and gives the way to its result.
func running(ctx context.Context, a *app.App) <-chan error {
	result := make(chan error, 1)
	go func() { result <- a.Run(ctx) }()
	return result
}

func ended(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("Run does not return")
	}
	return nil
}

// get asks one of the endpoints; edit changes the request.
func get(t *testing.T, a *app.App, path string, edit func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func activated(t *testing.T) events.Event {
	t.Helper()
	e, err := events.New("tenant.activated", "tenant-service", map[string]string{"id": "a", "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRun(t *testing.T) {
	t.Parallel()
	a := connect(t, app.Options{AllowedHosts: []string{"audit.internal"}})
	var handled, letters atomic.Int32
	var workEnded atomic.Bool
	inside, proceed := make(chan struct{}), make(chan struct{})
	a.Subscribe(topic, func(ctx context.Context, e events.Event, _ eventbus.Record) error {
		if handled.Add(1) == 1 {
			return eventbus.Permanent(errors.New("no"))
		}
		close(inside)
		<-proceed
		if workEnded.Load() {
			t.Error("background work ended before the handlers")
		}
		return nil
	}, eventbus.Subscription{Group: group, FromBeginning: true})
	a.ConsumeDLQ(topic, func(context.Context, eventbus.Letter) error {
		letters.Add(1)
		return nil
	}, eventbus.Subscription{FromBeginning: true})
	a.Background("sweeper", func(ctx context.Context) error {
		<-ctx.Done()
		workEnded.Store(true)
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := running(ctx, a)
	kafkatest.Until(t, "the endpoints answer", func() bool { return a.Addr() != "" })
	kafkatest.Until(t, "the service is ready", func() bool {
		status, body := get(t, a, "/readyz", nil)
		return status == http.StatusOK && strings.Count(body, `"state":"running"`) == 2
	})
	if status, body := get(t, a, "/healthz", nil); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	if err := a.Bus().ProduceBatch(t.Context(), topic, activated(t), activated(t)); err != nil {
		t.Fatal(err)
	}
	kafkatest.Until(t, "the letter is handled", func() bool { return letters.Load() == 1 })
	<-inside
	if _, body := get(t, a, "/metrics", nil); !strings.Contains(body, `eventbus_consumed_total{group="`+group+`",result="dlq",topic="`+topic+`",type="tenant.activated"} 1`) || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics:\n%s", body)
	}
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		want int
	}{
		"another origin":   {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"another host":     {func(r *http.Request) { r.Host = "evil.example:8090" }, http.StatusForbidden},
		"an allowed host":  {func(r *http.Request) { r.Host = "audit.internal:8090" }, http.StatusOK},
		"an address":       {func(r *http.Request) { r.Host = "[::1]:8090" }, http.StatusOK},
		"localhost":        {func(r *http.Request) { r.Host = "localhost" }, http.StatusOK},
		"another method":   {func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		"an unknown place": {func(r *http.Request) { r.URL.Path = "/debug" }, http.StatusNotFound},
	} {
		if status, _ := get(t, a, "/healthz", tc.edit); status != tc.want {
			t.Errorf("%s: status %d, want %d", name, status, tc.want)
		}
	}
	// It stops: not ready at once, but what runs may finish.
	cancel()
	kafkatest.Until(t, "the service is not ready", func() bool {
		status, body := get(t, a, "/readyz", nil)
		var h eventbus.Health
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return status == http.StatusServiceUnavailable && h.Status == eventbus.StatusDown && h.Error == "stopping"
	})
	close(proceed)
	if err := ended(t, result); err != nil {
		t.Error(err)
	}
	if handled.Load() != 2 || !workEnded.Load() {
		t.Errorf("%d handled, background work ended: %v", handled.Load(), workEnded.Load())
	}
}

func TestRunEndsWithASubscription(t *testing.T) {
	t.Parallel()
	a := connect(t, app.Options{Addr: "off"})
	told := make(chan error, 1)
	a.Subscribe(topic, func(context.Context, events.Event, eventbus.Record) error {
		return eventbus.Permanent(errors.New("no"))
	},
		eventbus.Subscription{Group: group, FromBeginning: true, OnExhausted: eventbus.Halt, Ended: func(err error) { told <- err }})
	a.Subscribe("user.events", func(context.Context, events.Event, eventbus.Record) error { return nil },
		eventbus.Subscription{Group: "audit-service-user-consumer"})
	if err := a.Bus().Produce(t.Context(), topic, activated(t)); err != nil {
		t.Fatal(err)
	}
	if err := ended(t, running(t.Context(), a)); !errors.Is(err, eventbus.ErrHalted) {
		t.Errorf("Run returns %v", err)
	}
	if err := <-told; !errors.Is(err, eventbus.ErrHalted) {
		t.Errorf("the service's own Ended is told %v", err)
	}
	if err := a.Bus().Produce(t.Context(), topic, activated(t)); !errors.Is(err, eventbus.ErrClosed) {
		t.Errorf("the bus is open after Run: %v", err)
	}
}

func TestRunFailsAsAWhole(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	nothing := func(context.Context, events.Event, eventbus.Record) error { return nil }
	for name, tc := range map[string]struct {
		prepare func(*app.App)
		opts    app.Options
		want    string
	}{
		"a subscription": {func(a *app.App) {
			a.Subscribe(topic, nothing, eventbus.Subscription{Group: group})
			a.Subscribe(topic, nothing, eventbus.Subscription{Group: "somebody-elses-consumer"})
		}, app.Options{}, "subscribing to tenant.events"},
		"background work": {func(a *app.App) {
			a.Background("sweeper", func(context.Context) error { return boom })
		}, app.Options{}, "sweeper ended: boom"},
		"work that ends": {func(a *app.App) {
			a.Background("sweeper", func(context.Context) error { return nil })
		}, app.Options{}, "sweeper ended: nothing was left to do"},
		// What fails for a context of its own is no end that somebody asked for.
		"work that was canceled": {func(a *app.App) {
			a.Background("sweeper", func(context.Context) error { return fmt.Errorf("asking the database: %w", context.Canceled) })
		}, app.Options{}, "sweeper ended: asking the database"},
		"the address": {func(*app.App) {}, app.Options{Addr: "127.0.0.1:none"}, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := connect(t, tc.opts)
			tc.prepare(a)
			if err := ended(t, running(t.Context(), a)); err == nil || !strings.Contains(err.Error(), tc.want) && tc.want != "127.0.0.1" {
				t.Errorf("Run returns %v, want %q", err, tc.want)
			}
		})
	}
}

// TestRunEndsWhileItStarts: a signal that came while the cluster did not answer a
// subscription was not looked at before that had failed.
func TestRunEndsWhileItStarts(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, topic))
	answer := make(chan struct{})
	defer close(answer)
	a, err := app.Connect(t.Context(), "audit-service", app.Options{
		Addr: "127.0.0.1:0", Bus: eventbus.Options{Brokers: cluster.ListenAddrs(), Timeout: 5 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 100)
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked <- struct{}{}
		<-answer
		return nil, nil, false
	})
	a.Subscribe(topic, func(context.Context, events.Event, eventbus.Record) error { return nil }, eventbus.Subscription{Group: group})
	ctx, cancel := context.WithCancel(t.Context())
	result := running(ctx, a)
	<-asked
	cancel()
	if err := ended(t, result); err != nil {
		t.Errorf("Run returns %v", err)
	}
}
