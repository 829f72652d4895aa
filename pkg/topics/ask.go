package topics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// askController sends one request to the controller, looked up anew: it moves.
func askController[T any](ctx context.Context, a *Admin, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, a, func() (*sarama.Broker, error) { return a.client.Wire().ControllerNode() }, send)
}

// askAny sends one request to whichever broker is least busy.
func askAny[T any](ctx context.Context, a *Admin, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, a, func() (*sarama.Broker, error) {
		if b := a.client.Wire().LeastLoadedBroker(); b != nil {
			return b, nil
		}
		return nil, sarama.ErrOutOfBrokers
	}, send)
}

// askBroker sends one request to the broker with this id.
func askBroker[T any](ctx context.Context, a *Admin, id int32, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, a, func() (*sarama.Broker, error) { return a.client.Wire().Node(id) }, send)
}

func ask[T any](ctx context.Context, a *Admin, find func() (*sarama.Broker, error), send func(*sarama.Broker) (T, error)) (T, error) {
	// The channel and not a variable carries the answer: the call may still
	// run when its caller has gone.
	answer := make(chan T, 1)
	err := a.client.Do(ctx, func() error {
		b, err := find()
		if err != nil {
			return err
		}
		if err := b.Open(a.client.Wire().Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return err
		}
		res, err := send(b)
		if err != nil {
			_ = b.Close()
			return err
		}
		answer <- res
		return nil
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return <-answer, nil
}

// retriable tells the answers of a controller that moved, or that puts off
// work to keep a quota (KIP-599): the same request can succeed a moment later.
func retriable(code sarama.KError) bool {
	const throttlingQuotaExceeded sarama.KError = 89
	return code == sarama.ErrNotController || code == throttlingQuotaExceeded
}

// retry calls step until it says that nothing is left to do, fails, or has
// been tried for as long as one request may take.
func (a *Admin) retry(ctx context.Context, step func() (again bool, err error)) error {
	deadline := time.Now().Add(a.client.Timeout())
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		again, err := step()
		if err != nil || !again || time.Now().After(deadline) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// poll calls done until it is true, fails, or has been called for as long as
// one request may take.
func (a *Admin) poll(ctx context.Context, done func() (bool, error)) error {
	deadline := time.Now().Add(a.client.Timeout())
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		ok, err := done()
		if err != nil || ok || time.Now().After(deadline) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// brokerAnswer is the error for a code, with the broker's own words for it.
func brokerAnswer(code sarama.KError, message *string) error {
	if message == nil {
		return kafka.NewBrokerError(int16(code), "")
	}
	return kafka.NewBrokerError(int16(code), *message)
}

// count writes "1 broker" or "3 brokers".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
