// Package groups tells about the consumer groups of a cluster: which there
// are, who is in them, and how far behind they are. It sets where a group
// without members goes on, and deletes groups.
//
// Kafka has four kinds of groups that answer to different requests, so each is
// asked by the type that ListGroups gave it: the classic DescribeGroups says
// "Dead" of a group of the newer kinds that is very much alive.
package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/pattern"
	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrNotFound is a group that the cluster does not have.
var ErrNotFound = errors.New("no such consumer group")

// Type is the kind of a group.
type Type string

// The types. A broker before 3.8 does not tell; its groups are classic.
const (
	Classic  Type = "classic"
	Consumer Type = "consumer" // KIP-848
	Share    Type = "share"    // KIP-932
	Streams  Type = "streams"  // KIP-1071
)

// Group is one row of a listing.
type Group struct {
	Name  string `json:"name"`
	Type  Type   `json:"type"`
	State string `json:"state"`
	// Protocol is what members agreed on: consumer, connect, share …
	Protocol string `json:"protocol,omitempty"`
	// Members is nil where no request of ours can count them.
	Members *int `json:"members,omitempty"`
	// Lag is the number of records up to the high watermarks that are not
	// committed yet, over the partitions with a commit; nil where unknown.
	Lag *int64 `json:"lag,omitempty"`
	// Coordinator is the id of the broker that serves the group.
	Coordinator int32 `json:"coordinator"`
	// Error is why less is told about the group.
	Error string `json:"error,omitempty"`
}

// Live tells whether the group may have members: a change of its offsets
// would be lost or harm them. What is not known counts as live.
func (g Group) Live() bool {
	if g.Members != nil {
		return *g.Members > 0
	}
	return g.State != "Empty" && g.State != "Dead"
}

// Groups asks one cluster. Its methods may be called at once from several goroutines.
type Groups struct {
	client *kafka.Client
}

// New returns Groups that work through c, which the caller closes.
func New(c *kafka.Client) *Groups { return &Groups{client: c} }

// ListOptions says which groups to list and what to find out about them.
type ListOptions struct {
	// Patterns are names and globs; none lists every group.
	Patterns []string
	// Names leaves out members and lag: one request to every broker.
	Names bool
}

// Listing is an answer of [Groups.List].
type Listing struct {
	Groups []Group  // by name
	Missed []string // the patterns that selected nothing
}

// CheckPatterns reports the first malformed glob.
func CheckPatterns(patterns []string) error { return pattern.Check(patterns) }

func choose(all []Group, patterns []string) (chosen []Group, missed []string) {
	return pattern.Choose(all, func(g Group) string { return g.Name }, patterns)
}

// List tells about the selected groups, each broker asked at the same time
// about those it serves. What one group cannot tell is in its Error.
func (g *Groups) List(ctx context.Context, opts ListOptions) (Listing, error) {
	if err := CheckPatterns(opts.Patterns); err != nil {
		return Listing{}, err
	}
	all, err := g.names(ctx)
	if err != nil {
		return Listing{}, err
	}
	var list Listing
	list.Groups, list.Missed = choose(all, opts.Patterns)
	if opts.Names || len(list.Groups) == 0 {
		return list, nil
	}
	found := g.details(ctx, list.Groups)
	found.bounds, err = g.ends(ctx, found.commits)
	if err != nil {
		return Listing{}, err
	}
	for i := range list.Groups {
		found.fill(&list.Groups[i])
	}
	return list, ctx.Err()
}

// names asks every broker which groups it serves.
func (g *Groups) names(ctx context.Context) ([]Group, error) {
	meta, err := g.client.Metadata(ctx, []string{})
	if err != nil {
		return nil, err
	}
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		all    []Group
		failed []error
	)
	for _, broker := range meta.Brokers {
		wg.Go(func() {
			res, err := g.listOf(ctx, broker.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("groups of broker %d: %w", broker.ID, err))
				return
			}
			for name, protocol := range res.Groups {
				data := res.GroupsData[name]
				all = append(all, Group{Name: name, Protocol: protocol, Type: typeOf(data.GroupType), State: data.GroupState, Coordinator: broker.ID})
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return all, ctx.Err()
}

// listOf asks one broker, and again as long as one request may take while it reads
// what groups it has, as after a start or when the first group of all is made.
func (g *Groups) listOf(ctx context.Context, broker int32) (*sarama.ListGroupsResponse, error) {
	deadline := time.Now().Add(g.client.Timeout())
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.ListGroupsResponse, error) {
			return b.ListGroups(&sarama.ListGroupsRequest{Version: 5})
		})
		if err != nil {
			return nil, err
		}
		loading := res.Err == sarama.ErrOffsetsLoadInProgress || res.Err == sarama.ErrConsumerCoordinatorNotAvailable
		if !loading || time.Now().After(deadline) {
			return res, kafka.NewBrokerError(int16(res.Err), "")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// typeOf reads a broker's word for a type. One that is not known yet keeps the
// broker's name and counts as none of ours.
func typeOf(word string) Type {
	if word == "" {
		return Classic
	}
	return Type(strings.ToLower(word))
}
