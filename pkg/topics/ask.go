package topics

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

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
