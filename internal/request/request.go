// Package request sends single requests of the protocol library over the
// connections of a pkg/kafka.Client, for the packages of this module that need
// what the Client itself does not offer.
package request

import (
	"context"
	"errors"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// notConnectedTries bounds how often a request is tried that found its broker
// without a connection.
const notConnectedTries = 4

// To sends a request to the broker with this id. Errors are translated as
// [kafka.Client.Do] does; a connection that broke is closed, so that the next
// request makes it anew.
func To[T any](ctx context.Context, c *kafka.Client, broker int32, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, c, func() (*sarama.Broker, error) { return c.Wire().Node(broker) }, send)
}

// ToController sends a request to the controller, looked up anew: it moves.
func ToController[T any](ctx context.Context, c *kafka.Client, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, c, c.Wire().ControllerNode, send)
}

// ToAny sends a request that any broker can answer.
func ToAny[T any](ctx context.Context, c *kafka.Client, send func(*sarama.Broker) (T, error)) (T, error) {
	return ask(ctx, c, func() (*sarama.Broker, error) {
		b := c.Wire().LeastLoadedBroker()
		if b == nil {
			return nil, sarama.ErrOutOfBrokers
		}
		if err := b.Open(c.Wire().Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return nil, err
		}
		return b, nil
	}, send)
}

func ask[T any](ctx context.Context, c *kafka.Client, find func() (*sarama.Broker, error), send func(*sarama.Broker) (T, error)) (T, error) {
	// The channel and not a variable carries the answer: the call may still
	// run when its caller has gone.
	answers := make(chan T, 1)
	err := c.Do(ctx, func() error {
		for try := 1; ; try++ {
			b, err := find()
			if err != nil {
				return err
			}
			answer, err := send(b)
			switch {
			case err == nil:
				answers <- answer
				return nil
			case errors.Is(err, sarama.ErrNotConnected) && try < notConnectedTries:
				// Another call is connecting it or has just closed it, and
				// nothing was sent.
			default:
				// That it is closed already is no news.
				_ = b.Close()
				return err
			}
		}
	})
	if err != nil {
		var none T
		return none, err
	}
	return <-answers, nil
}
