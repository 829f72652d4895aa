// Package app runs a service on the event bus: several subscriptions and the
// service's own background work with one lifecycle, the HTTP endpoints that an
// orchestrator asks, and a graceful end on a signal.
//
//	a, err := app.Connect(ctx, "notification-service", app.Options{Bus: eventbus.Options{Brokers: brokers}})
//	a.Subscribe("tenant.events", handler, eventbus.Subscription{Group: "notification-service-tenant-consumer"})
//	err = a.Run(ctx) // until SIGTERM
package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

// DefaultAddr is where the HTTP endpoints are when nothing else is said.
const DefaultAddr = "127.0.0.1:8090"

// ErrHurried is the cause of an end that a second signal cut short.
var ErrHurried = errors.New("stopped without waiting for handlers")

// Options say how a service runs; only Bus.Brokers has to be given.
type Options struct {
	// Bus are the options of the connection. The metrics go to the app's own
	// registry unless Bus.Telemetry.Registerer is set.
	Bus eventbus.Options
	// Addr is where the HTTP endpoints listen: host:port, DefaultAddr when it is
	// empty, "off" for none. Only a loopback address keeps other machines out.
	Addr string
	// AllowedHosts are names by which the endpoints may be asked for, beside
	// localhost and plain IP addresses.
	AllowedHosts []string
	// Signals end the service; nil stands for SIGINT and SIGTERM.
	Signals []os.Signal
	// StopTimeout bounds the graceful end; default 40 s, somewhat longer than
	// the subscriptions' DrainTimeout.
	StopTimeout time.Duration
	// Registry gathers /metrics; default: a new one that has Go's own metrics.
	Registry *prometheus.Registry
}

// App is a service on the event bus. Subscribe and Background are called before
// Run, from one goroutine.
type App struct {
	bus  *eventbus.Bus
	opts Options
	log  *slog.Logger

	starts []start
	works  []work

	mu    sync.Mutex
	phase phase
	addr  string
}

// phase is where the app stands in its life.
type phase int

const (
	phaseNew phase = iota
	phaseStarting
	phaseRunning
	phaseStopping
)

// start subscribes and gives the way to stop.
type start struct {
	topic string
	begin func(ctx context.Context, ended func(error)) (stop func(context.Context) error, err error)
}

// work is background work of the service's own.
type work struct {
	name string
	run  func(context.Context) error
}

// Connect reaches the cluster. The errors are those of eventbus.Connect. Whoever
// does not call Run closes the App's Bus.
func Connect(ctx context.Context, service string, o Options) (*App, error) {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.StopTimeout <= 0 {
		o.StopTimeout = 40 * time.Second
	}
	if o.Signals == nil {
		o.Signals = []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
		o.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	if o.Bus.Telemetry.Registerer == nil {
		o.Bus.Telemetry.Registerer = o.Registry
	}
	log := o.Bus.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	bus, err := eventbus.Connect(ctx, service, o.Bus)
	if err != nil {
		return nil, err
	}
	return &App{bus: bus, opts: o, log: log}, nil
}

// Bus is the connection, to produce with and for handlers to use. Run closes it.
func (a *App) Bus() *eventbus.Bus { return a.bus }

// Subscribe has Run subscribe as [eventbus.Bus.Subscribe] does.
func (a *App) Subscribe(topic string, h eventbus.Handler, o eventbus.Subscription) {
	a.add(topic, o, func(ctx context.Context, o eventbus.Subscription) (func(context.Context) error, error) {
		return a.bus.Subscribe(ctx, topic, h, o)
	})
}

// SubscribeBatch has Run subscribe as [eventbus.Bus.SubscribeBatch] does.
func (a *App) SubscribeBatch(topic string, h eventbus.BatchHandler, o eventbus.Subscription) {
	a.add(topic, o, func(ctx context.Context, o eventbus.Subscription) (func(context.Context) error, error) {
		return a.bus.SubscribeBatch(ctx, topic, h, o)
	})
}

// SubscribeRecords has Run subscribe as [eventbus.Bus.SubscribeRecords] does.
func (a *App) SubscribeRecords(topic string, h eventbus.RecordHandler, o eventbus.Subscription) {
	a.add(topic, o, func(ctx context.Context, o eventbus.Subscription) (func(context.Context) error, error) {
		return a.bus.SubscribeRecords(ctx, topic, h, o)
	})
}

// ConsumeDLQ has Run subscribe as [eventbus.Bus.ConsumeDLQ] does.
func (a *App) ConsumeDLQ(topic string, h eventbus.LetterHandler, o eventbus.Subscription) {
	a.add(topic, o, func(ctx context.Context, o eventbus.Subscription) (func(context.Context) error, error) {
		return a.bus.ConsumeDLQ(ctx, topic, h, o)
	})
}

func (a *App) add(topic string, o eventbus.Subscription, subscribe func(context.Context, eventbus.Subscription) (func(context.Context) error, error)) {
	a.starts = append(a.starts, start{topic, func(ctx context.Context, ended func(error)) (func(context.Context) error, error) {
		own := o.Ended
		o.Ended = func(err error) {
			if own != nil {
				own(err)
			}
			ended(err)
		}
		return subscribe(ctx, o)
	}})
}

// Background has Run run f beside the subscriptions, such as an outbox relay. Its
// context ends after the subscriptions have, so handlers can rely on it; an error
// before that ends the service.
func (a *App) Background(name string, f func(ctx context.Context) error) {
	a.works = append(a.works, work{name, f})
}

// Run subscribes, serves the endpoints, and blocks until ctx ends, a signal comes, a
// subscription or background work ends by itself, or the endpoints fail. Then the
// service is not ready any more, handlers that run may finish, offsets are
// committed, the groups are left and the Bus is closed, all within StopTimeout; a
// second signal cuts this short. A signal or an ended ctx also cuts short what
// subscribes. Run returns nil after a signal or an ended context,
// else why the service had to end, joined with what went wrong on the way. It is
// called once.
func (a *App) Run(ctx context.Context) error {
	a.setPhase(phaseStarting)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, a.opts.Signals...)
	defer signal.Stop(signals)

	life, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-life.Done():
		case s := <-signals:
			a.log.Info("service stops", "signal", s.String())
			fail(errSignal)
		}
	})
	r := &run{app: a, life: life, fail: fail}
	if err := r.start(); err != nil {
		fail(err)
	} else if life.Err() == nil {
		a.setPhase(phaseRunning)
		a.log.Info("service runs", "subscriptions", len(r.stops), "addr", a.Addr())
	}
	<-life.Done()
	watching.Wait()
	a.setPhase(phaseStopping)
	why := context.Cause(life)
	if errors.Is(why, errSignal) || ctx.Err() != nil && errors.Is(why, context.Cause(ctx)) {
		why = nil
	}
	return errors.Join(why, r.stop(ctx, signals))
}

// errSignal is the cause of an end that a signal asked for.
var errSignal = errors.New("signal")

func (a *App) setPhase(p phase) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phase = p
}

// Running says whether all subscriptions are made and the end has not begun.
func (a *App) Running() bool {
	running, _ := a.ready()
	return running
}

func (a *App) ready() (bool, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.phase {
	case phaseRunning:
		return true, ""
	case phaseStopping:
		return false, "stopping"
	}
	return false, "starting"
}

// Addr is where the endpoints listen, "" while they do not.
func (a *App) Addr() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.addr
}
