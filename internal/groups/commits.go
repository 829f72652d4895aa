package groups

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Commits gives the committed offsets of the named groups, or of every group
// where names is nil. A group that does not exist has none; one whose offsets
// cannot be read is an error beside those of the others, see [Denied].
func (g *Groups) Commits(ctx context.Context, names []string) (map[string]map[kafka.TopicPartition]int64, error) {
	all, err := g.names(ctx)
	if err != nil {
		return nil, err
	}
	chosen := all
	unlisted := map[string]bool{}
	if names != nil {
		for _, name := range names {
			unlisted[name] = true
		}
		chosen = nil
		for _, group := range all {
			if unlisted[group.Name] {
				chosen = append(chosen, group)
				delete(unlisted, group.Name)
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
	if len(unlisted) > 0 {
		g.findDenied(ctx, slices.Sorted(maps.Keys(unlisted)), d)
	}
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(d.errs)) {
		failed = append(failed, &Error{Group: name, Err: d.errs[name]})
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return d.commits, errors.Join(failed...)
}

// Error is what kept something about a group from being told.
type Error struct {
	Group string
	Err   error
}

// Error names the group.
func (e *Error) Error() string { return "group " + e.Group + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Denied lists the groups that an error of [Groups.Commits] says may not be
// looked at.
func Denied(err error) []string {
	var list []string
	var one *Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			list = append(list, Denied(err)...)
		}
	} else if errors.As(err, &one) && errors.Is(one.Err, kafka.ErrNotPermitted) {
		list = append(list, one.Group)
	}
	return list
}

// findDenied tells groups that are not there from those that a listing keeps
// from this user. A broker looks at the right before it looks whether the group
// is one of its own, so any of them can be asked.
func (g *Groups) findDenied(ctx context.Context, names []string, d *details) {
	take := func(name string, code sarama.KError) {
		if err := kafka.NewBrokerError(int16(code), ""); errors.Is(err, kafka.ErrNotPermitted) {
			d.fail(name, fmt.Errorf("reading its offsets: %w", err))
		}
	}
	ask := func(req *sarama.OffsetFetchRequest) (*sarama.OffsetFetchResponse, error) {
		return request.ToAny(ctx, g.client, func(b *sarama.Broker) (*sarama.OffsetFetchResponse, error) { return b.FetchOffset(req) })
	}
	if !g.manyAtOnce() {
		for _, name := range names {
			res, err := ask(sarama.NewOffsetFetchRequest(sarama.V2_5_0_0, name, nil))
			if err != nil {
				return // what is listed is known all the same
			}
			take(name, res.Err)
		}
		return
	}
	req := &sarama.OffsetFetchRequest{Version: 8}
	for _, name := range names {
		req.Groups = append(req.Groups, sarama.OffsetFetchRequestGroup{GroupId: name})
	}
	res, err := ask(req)
	if err != nil {
		return
	}
	for _, group := range res.Groups {
		take(group.GroupId, group.Err)
	}
}
