package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
)

// Deletion is what Delete did about one topic.
type Deletion struct {
	Name  string `json:"name"`
	ID    string `json:"id,omitempty"`
	Error string `json:"error,omitempty"`
	Err   error  `json:"-"`
}

// Delete deletes the topics and every record in them, which nothing brings
// back. It returns once no broker tells clients about them any more, so that
// the names can be used again; a cluster with ZooKeeper may take a moment more,
// which [Admin.Create] waits for. Topics that failed have an Err, joined in the
// error, and do not keep the others; test for [ErrNotFound].
func (a *Admin) Delete(ctx context.Context, names []string) ([]Deletion, error) {
	done := make([]Deletion, len(names))
	answers, err := a.sendDelete(ctx, names)
	if err != nil {
		return nil, err
	}
	var gone []string
	var failed []error
	for i, name := range names {
		done[i] = Deletion{Name: name}
		answer, ok := answers[name]
		switch {
		case !ok:
			done[i].Err = fmt.Errorf("%s: the broker left it out of its answer", name)
		case answer.code == sarama.ErrNoError:
			gone = append(gone, name)
			done[i].ID = answer.id
		case answer.code == sarama.ErrUnknownTopicOrPartition:
			done[i].Err = &NotFoundError{Name: name}
		default:
			done[i].Err = fmt.Errorf("%s: deleting: %w", name, brokerAnswer(answer.code, answer.message))
		}
		if done[i].Err != nil {
			done[i].Error = done[i].Err.Error()
			failed = append(failed, done[i].Err)
		}
	}
	if err := a.awaitGone(ctx, gone); err != nil {
		failed = append(failed, err)
	}
	return done, errors.Join(failed...)
}

type deleteAnswer struct {
	code    sarama.KError
	message *string
	id      string
}

func (a *Admin) sendDelete(ctx context.Context, names []string) (map[string]deleteAnswer, error) {
	answers := make(map[string]deleteAnswer, len(names))
	rest := names
	err := a.retry(ctx, func() (bool, error) {
		req := sarama.NewDeleteTopicsRequest(a.client.Wire().Config().Version, rest, a.client.Timeout())
		res, err := request.ToController(ctx, a.client, func(b *sarama.Broker) (*sarama.DeleteTopicsResponse, error) { return b.DeleteTopics(req) })
		if err != nil {
			return false, fmt.Errorf("deleting topics: %w", err)
		}
		var again []string
		for _, name := range rest {
			code, ok := res.TopicErrorCodes[name]
			if !ok {
				continue
			}
			answer := deleteAnswer{code: code, message: res.TopicErrorMessages[name]}
			if id := res.TopicIDs[name]; id != (sarama.Uuid{}) {
				answer.id = id.String()
			}
			answers[name] = answer
			if retriable(code) {
				again = append(again, name)
			}
		}
		rest = again
		return len(again) > 0, nil
	})
	return answers, err
}
