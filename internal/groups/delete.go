package groups

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Deletion is a group that is to be deleted, and what became of it.
type Deletion struct {
	Group
	// Commits are how many partitions it has a committed offset for.
	Commits int    `json:"commits"`
	Err     error  `json:"-"`
	Failure string `json:"failure,omitempty"` // the text of Err

	saved map[kafka.TopicPartition]commit
}

// PlanDelete finds the groups that patterns (names and globs) select, and changes
// nothing. A plain name that the cluster does not have is [ErrNotFound], a group with
// members [ErrLive]; missed lists the globs that selected nothing.
func (g *Groups) PlanDelete(ctx context.Context, patterns []string) (list []Deletion, missed []string, err error) {
	chosen, missed, err := g.selected(ctx, patterns)
	if err != nil {
		return nil, nil, err
	}
	for _, group := range chosen {
		d := Deletion{Group: group}
		if err := g.mustBeEmpty(ctx, group); err != nil {
			return nil, nil, err
		}
		read := g.committed
		if group.Type == Share {
			read = g.shareOffsets
		}
		// A broker that does not tell a share group's offsets does not take them either.
		if d.saved, err = read(ctx, group.Coordinator, group.Name); err != nil && !errors.Is(err, request.ErrUnsupported) {
			return nil, nil, err
		}
		d.Commits = len(d.saved)
		list = append(list, d)
	}
	return list, missed, ctx.Err()
}

// Delete deletes the groups of a plan with their offsets, and notes in each what the
// broker says. A group that got members since is [ErrLive].
func (g *Groups) Delete(ctx context.Context, list []Deletion) error {
	for i := range list {
		d := &list[i]
		req := &sarama.DeleteGroupsRequest{Version: 1, Groups: []string{d.Name}}
		res, err := request.To(ctx, g.client, d.Coordinator, func(b *sarama.Broker) (*sarama.DeleteGroupsResponse, error) { return b.DeleteGroups(req) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			switch code := res.GroupErrorCodes[d.Name]; code {
			case sarama.ErrNonEmptyGroup:
				err = &LiveError{Name: d.Name}
			case sarama.ErrGroupIDNotFound:
				err = &NotFoundError{Name: d.Name}
			default:
				err = kafka.NewBrokerError(int16(code), "")
			}
		}
		if err != nil {
			d.Err = fmt.Errorf("deleting group %s: %w", d.Name, err)
			d.Failure = d.Err.Error()
		}
	}
	return nil
}

func keysOf(commits map[kafka.TopicPartition]commit) map[kafka.TopicPartition]bool {
	set := make(map[kafka.TopicPartition]bool, len(commits))
	for tp := range commits {
		set[tp] = true
	}
	return set
}
