package eventbus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// hollow is an error whose nil pointer cannot say what it is.
type hollow struct{ what string }

func (e *hollow) Error() string { return e.what }

// TestErrorThatPanics: a handler that returns a nil pointer of its error's type, the
// mistake that Go makes easy, ended the process from within a worker.
func TestErrorThatPanics(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]RecordHandler{
		"as it is": func(context.Context, Record) error {
			var e *hollow
			return e
		},
		"wrapped for good": func(context.Context, Record) error {
			var e *hollow
			return Permanent(e)
		},
		"wrapped as unavailable": func(_ context.Context, r Record) error {
			var e *hollow
			return Unavailable(e)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Subscription{})
				r.start(func(ctx context.Context, rec Record) error {
					if rec.Offset == 0 {
						return handler(ctx, rec)
					}
					return nil
				})
				end := r.claim("orders", 0, records(3, 3)...)
				r.rest(10 * time.Second)
				r.expectAt(3)
				r.expectLetter(ClassPanic, "nil pointer")
				end()
				r.finish()
			})
		})
	}
}

// TestBatchErrorThatPanics is the same for batches.
func TestBatchErrorThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Ordering: ByPartition})
		r.sub.invokeBatch = r.sub.batchInvoker(func(_ context.Context, batch []Delivery) error {
			if batch[0].Record.Offset == 0 {
				var e *hollow
				return e
			}
			return nil
		})
		r.sub.start()
		_ = r.sub.Setup(r)
		end := r.claim("orders", 0, eventRecords(t, 3)...)
		r.rest(30 * time.Second)
		r.expectAt(3)
		r.expectLetter(ClassPanic, "nil pointer")
		end()
		r.finish()
	})
}

// TestCountsThatPanics: it is called with locks held, and ended the process.
func TestCountsThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down *hollow
		r := newRig(t, Subscription{Retries: []time.Duration{}, Breaker: BreakerOptions{Failures: 1, Counts: func(error) bool { return down.what != "" }}})
		tried, open := false, false // one key, one call at a time
		r.start(func(_ context.Context, rec Record) error {
			switch {
			case rec.Offset == 0:
				return errBad
			case rec.Offset == 1 && !tried:
				tried = true
				return Unavailable(errBad)
			}
			open = open || r.sub.state().Breaker != "closed"
			return nil
		})
		end := r.claim("orders", 0, records(3, 1)...)
		r.rest(30 * time.Second)
		r.expectAt(3)
		r.expectLetters(1) // of what the default does not count
		if !open {
			t.Error("the breaker did not open for what the default counts")
		}
		end()
		r.finish()
	})
}

// TestHandlerThatExits: a handler that ended its goroutine, as a test's own does that
// calls t.FailNow, kept its key for HandlerTimeout and as much again, and Close for
// DrainTimeout.
func TestHandlerThatExits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 1})
		r.start(func(_ context.Context, rec Record) error {
			if rec.Offset == 2 || rec.Offset == 5 && rec.Attempt == 1 {
				runtime.Goexit()
			}
			return nil
		})
		end := r.claim("orders", 0, records(10, 1)...)
		r.rest(5 * time.Second)
		r.expectAt(10)
		r.expectLetter(ClassPanic, "ended its goroutine")
		if got := r.sub.state(); got.Abandoned != 0 || got.OldestInFlight != 0 {
			t.Errorf("afterwards: %+v", got)
		}
		end()
		r.finish()
	})
}

// TestExitOfGivenUpHandler: the same of a call that was given up before.
func TestExitOfGivenUpHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 1, HandlerTimeout: time.Second})
		proceed := make(chan struct{})
		r.start(func(_ context.Context, rec Record) error {
			if rec.Offset == 0 {
				<-proceed
				runtime.Goexit()
			}
			return nil
		})
		end := r.claim("orders", 0, records(2, 1)...)
		r.rest(10 * time.Second)
		r.expectAt(2)
		r.expectLetter(ClassStuck, "no return")
		if got := r.sub.state(); got.Abandoned != 1 {
			t.Errorf("while it runs: %+v", got)
		}
		close(proceed)
		synctest.Wait()
		if got := r.sub.state(); got.Abandoned != 0 {
			t.Errorf("afterwards: %+v", got)
		}
		end()
		r.finish()
	})
}

// TestBatchThatExits is the same for batches.
func TestBatchThatExits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Ordering: ByPartition})
		r.sub.invokeBatch = r.sub.batchInvoker(func(_ context.Context, batch []Delivery) error {
			for _, d := range batch {
				if d.Record.Offset == 1 {
					runtime.Goexit()
				}
			}
			return nil
		})
		r.sub.start()
		_ = r.sub.Setup(r)
		end := r.claim("orders", 0, eventRecords(t, 4)...)
		r.rest(30 * time.Second)
		r.expectAt(4)
		r.expectLetter(ClassPanic, "ended its goroutine")
		end()
		r.finish()
	})
}

// TestBreakerOfManyFailures: a number beyond 32 bits, as somebody gives who wants no
// breaker, opened it with the first failure.
func TestBreakerOfManyFailures(t *testing.T) {
	t.Parallel()
	r := newRig(t, Subscription{Breaker: BreakerOptions{Failures: math.MaxInt &^ math.MaxUint32, Probes: math.MaxInt}})
	r.sub.breaker.failed(Unavailable(errBad))
	if got := r.sub.state().Breaker; got != "closed" {
		t.Errorf("after one failure the breaker is %s", got)
	}
	r.cancel()
}

// TestNoHandler: a handler that was forgotten made a dead letter of every event.
func TestNoHandler(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "tenant.events", "tenant.events.dlq")
	o := Subscription{Group: "svc-x-consumer"}
	h := func(context.Context, events.Event, Record) error { return nil }
	for name, subscribe := range map[string]func() error{
		"Subscribe": func() error {
			_, err := b.Subscribe(t.Context(), "tenant.events", nil, o)
			return err
		},
		"SubscribeRecords": func() error {
			_, err := b.SubscribeRecords(t.Context(), "tenant.events", nil, o)
			return err
		},
		"SubscribeBatch": func() error {
			_, err := b.SubscribeBatch(t.Context(), "tenant.events", nil, o)
			return err
		},
		"ConsumeDLQ": func() error {
			_, err := b.ConsumeDLQ(t.Context(), "tenant.events", nil, o)
			return err
		},
		"middleware": func() error {
			o := o
			o.Middleware = []Middleware{func(next Handler) Handler { return next }, nil}
			_, err := b.Subscribe(t.Context(), "tenant.events", h, o)
			return err
		},
	} {
		if err := subscribe(); !errors.Is(err, errNoHandler) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// eventRecords makes n records of events with offsets from 0 on.
func eventRecords(t *testing.T, n int) []*sarama.ConsumerMessage {
	t.Helper()
	list := records(n, n)
	for i, m := range list {
		m.Value = eventBytes(t, fmt.Sprint(i))
	}
	return list
}

// expectLetter wants one dead letter of a class whose error's message has a part.
func (r *rig) expectLetter(class, part string) {
	r.t.Helper()
	r.expectLetters(1)
	for _, sent := range r.sent() {
		found := map[string]string{}
		for _, h := range sent.headers {
			found[h.Name] = string(h.Value)
		}
		if found[letters.HeaderErrorClass] != class || !strings.Contains(found[letters.HeaderErrorMessage], part) {
			r.t.Errorf("letter %v, want class %s, message %q", found, class, part)
		}
	}
}
