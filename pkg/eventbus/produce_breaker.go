package eventbus

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrBreakerOpen is an event that was not sent because the last ones could not
// be: see [ProduceBreaker].
var ErrBreakerOpen = errors.New("producing is paused: the cluster did not take the last events")

// produceBreaker refuses calls while the cluster is away; nil never does.
type produceBreaker struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
}

func newProduceBreaker(o ProduceBreaker, changed func(state string)) *produceBreaker {
	if o.Off {
		return nil
	}
	return &produceBreaker{gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:       o.Pause,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= o.Failures },
		IsSuccessful:  func(err error) bool { return !clusterFailure(err) },
		IsExcluded:    func(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) },
		OnStateChange: func(_ string, _, to gobreaker.State) { changed(to.String()) },
	})}
}

// clusterFailure tells the errors that speak of the cluster: no answer within
// the time there was, or one that more tries did not cure. What it refuses for
// the record's sake, or for the caller's rights, is an answer.
func clusterFailure(err error) bool {
	if err == nil || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrHeldBack) || errors.Is(err, kafka.ErrNotPermitted) || errors.Is(err, kafka.ErrUnknownTopic) {
		return false
	}
	return errors.Is(err, ErrUncertain) || errors.Is(err, context.DeadlineExceeded) || kafka.Retriable(err) || retriableAnswer(err)
}

// do runs f unless the breaker is open, and takes in how it ended.
func (b *produceBreaker) do(f func() error) error {
	if b == nil {
		return f()
	}
	_, err := b.breaker.Execute(func() (struct{}, error) { return struct{}{}, f() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return ErrBreakerOpen
	}
	return err
}

// state is closed, half-open or open.
func (b *produceBreaker) state() string {
	if b == nil {
		return gobreaker.StateClosed.String()
	}
	return b.breaker.State().String()
}
