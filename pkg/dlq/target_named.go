package dlq

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/internal/topicname"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// targetFor is [Plan.addTarget] for a letter. byLetter is a topic that nobody
// but the letter names: where that one does not take letters, it is this
// letter that stays, for refused, and no reason to keep the others.
func (p *Plan) targetFor(ctx context.Context, name string, byLetter bool) (t *target, refused, err error) {
	if !byLetter {
		t, err = p.addTarget(ctx, name)
		return t, nil, err
	}
	if t := p.targets[name]; t != nil {
		return t, nil, nil
	}
	refused, known := p.unusable[name]
	if !known {
		t, refused, err = p.tryTarget(ctx, name)
		if refused == nil {
			return t, nil, err
		}
		p.unusable[name] = refused
	}
	return nil, refused, nil
}

// tryTarget asks the cluster about a topic that a letter names.
func (p *Plan) tryTarget(ctx context.Context, name string) (t *target, refused, err error) {
	if !topicname.Valid(name) {
		return nil, fmt.Errorf("no topic can have the name %q, where it says that it came from; name another with --to", clip(name)), nil
	}
	t, err = p.addTarget(ctx, name)
	switch {
	case errors.Is(err, ErrNoTarget):
		return nil, errors.New(missingText(name)), nil
	case errors.Is(err, ErrInvalid):
		return nil, fmt.Errorf("%w; name another topic with --to", err), nil
	case errors.Is(err, kafka.ErrNotPermitted):
		return nil, fmt.Errorf("%w; ask for the rights on %s, or name another topic with --to", err, name), nil
	case err != nil:
		return nil, nil, err
	}
	may, err := p.mayWrite(ctx, name)
	switch {
	case err != nil || may:
		return t, nil, err
	case p.opts.ReadOnly:
		// Whoever applies the plan may have the right.
		p.warn("you have no right to write to %s: a run of yours would leave the letters that go there", name)
		return t, nil, nil
	}
	delete(p.targets, name)
	return nil, errors.New(deniedText(name)), nil
}

func missingText(topic string) string {
	return fmt.Sprintf("topic %s does not exist; create it, or name another with --to", topic)
}

func deniedText(topic string) string {
	return fmt.Sprintf("no right to write to %s; ask for it, or name another topic with --to", topic)
}

// mayWrite asks the broker for the rights on a topic (KIP-430). Where it does
// not tell, the write will.
func (p *Plan) mayWrite(ctx context.Context, topic string) (bool, error) {
	req := sarama.NewMetadataRequest(p.client.Wire().Config().Version, []string{topic})
	if req.Version < 8 {
		return true, nil
	}
	req.IncludeTopicAuthorizedOperations = true
	res, err := request.ToAny(ctx, p.client, func(b *sarama.Broker) (*sarama.MetadataResponse, error) { return b.GetMetadata(req) })
	if err != nil {
		return false, fmt.Errorf("%s: asking for the rights on it: %w", topic, err)
	}
	for _, t := range res.Topics {
		// Nobody who is told about a topic has no right at all.
		if ops := t.TopicAuthorizedOperations; t.Name == topic && t.Err == sarama.ErrNoError && ops > 0 {
			return ops&(1<<sarama.AclOperationWrite) != 0, nil
		}
	}
	return true, nil
}
