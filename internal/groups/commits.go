package groups

import (
	"context"
	"errors"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Commits gives the committed offsets of the named groups, or of every group
// where names is nil. A group that does not exist has none; one whose offsets
// cannot be read is an error beside those of the others.
func (g *Groups) Commits(ctx context.Context, names []string) (map[string]map[kafka.TopicPartition]int64, error) {
	all, err := g.names(ctx)
	if err != nil {
		return nil, err
	}
	chosen := all
	if names != nil {
		wanted := map[string]bool{}
		for _, name := range names {
			wanted[name] = true
		}
		chosen = nil
		for _, group := range all {
			if wanted[group.Name] {
				chosen = append(chosen, group)
			}
		}
	}
	d := &details{
		descriptors: map[string]description{}, commits: map[string]map[kafka.TopicPartition]int64{}, errs: map[string]error{},
	}
	byBroker := map[int32][]Group{}
	for _, group := range chosen {
		byBroker[group.Coordinator] = append(byBroker[group.Coordinator], group)
	}
	for broker, served := range byBroker {
		g.fetchCommits(ctx, broker, namesOf(served, Classic, Consumer, Streams), d)
	}
	var failed []error
	for _, err := range d.errs {
		failed = append(failed, err)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return d.commits, errors.Join(failed...)
}
