package groups

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Description is everything about one group.
type Description struct {
	Group
	// Assignor is how partitions are shared out: range, uniform …
	Assignor string   `json:"assignor,omitempty"`
	MemberOf []Member `json:"member_details"`
	// Partitions are those with a commit or an owner, in order.
	Partitions []Partition `json:"partitions"`
}

// Partition is how far a group is in one partition.
type Partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Current is the committed offset; of a share group it is where the state begins
	// that the cluster keeps, and what follows may be acknowledged already. nil where
	// there is none.
	Current *int64 `json:"current,omitempty"`
	// End is the high watermark, nil where it is unknown or the topic is gone.
	End *int64 `json:"end,omitempty"`
	Lag *int64 `json:"lag,omitempty"`
	// LagSeconds is how long ago the first uncommitted record was written; 0
	// without a lag, nil where the record could not be read. A share group has no one
	// place where it is, so it has none either, unless all is acknowledged.
	LagSeconds *float64 `json:"lag_seconds,omitempty"`
	// Member owns the partition; empty when none does, the first by its id where members
	// of a share group have it together.
	Member   string `json:"member,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	Host     string `json:"host,omitempty"`
	// Blocked is the open transaction that keeps the group here, nil without one.
	Blocked *Blocked `json:"blocked,omitempty"`
	// Error is why less is told about the partition.
	Error string `json:"error,omitempty"`
}

// NotFoundError is [ErrNotFound] with the group's name.
type NotFoundError struct{ Name string }

func (e *NotFoundError) Error() string { return e.Name + ": " + ErrNotFound.Error() }

// Is matches [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Describe tells everything about the groups that patterns (names and globs)
// select, by name. A plain name that the cluster does not have is
// [ErrNotFound]; missed lists the globs that selected nothing.
func (g *Groups) Describe(ctx context.Context, patterns []string) (list []Description, missed []string, err error) {
	chosen, missed, err := g.selected(ctx, patterns)
	if err != nil {
		return nil, nil, err
	}
	if len(chosen) == 0 {
		return nil, missed, nil
	}
	found := g.details(ctx, chosen)
	wanted := withAssigned(found)
	if found.bounds, err = g.ends(ctx, wanted); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	for _, group := range chosen {
		found.fill(&group)
		d := found.describe(group)
		g.addSeconds(ctx, &d, now)
		list = append(list, d)
	}
	g.addBlocked(ctx, list)
	return list, missed, ctx.Err()
}

// selected finds the groups that patterns select; [ErrNotFound] for a plain name
// that the cluster does not have.
func (g *Groups) selected(ctx context.Context, patterns []string) (chosen []Group, missed []string, err error) {
	if err := CheckPatterns(patterns); err != nil {
		return nil, nil, err
	}
	all, err := g.names(ctx)
	if err != nil {
		return nil, nil, err
	}
	chosen, missed = choose(all, patterns)
	for _, p := range missed {
		if !strings.ContainsAny(p, `*?[\`) {
			return nil, nil, &NotFoundError{Name: p}
		}
	}
	return chosen, missed, nil
}

// withAssigned gives the groups' commits with the partitions that are owned
// and have none yet, so that their ends are asked for too.
func withAssigned(d *details) map[string]map[kafka.TopicPartition]int64 {
	wanted := map[string]map[kafka.TopicPartition]int64{}
	for name, commits := range d.commits {
		wanted[name] = commits
	}
	for name, found := range d.descriptors {
		owned := map[kafka.TopicPartition]int64{}
		for _, m := range found.members {
			for _, tp := range m.Assigned {
				owned[tp] = -1
			}
		}
		wanted[name+"\x00owned"] = owned
	}
	return wanted
}

// describe puts a group's members, commits and ends together.
func (d *details) describe(group Group) Description {
	desc := Description{Group: group, MemberOf: []Member{}, Partitions: []Partition{}}
	found := d.descriptors[group.Name]
	desc.Assignor = found.assignor
	owner := map[kafka.TopicPartition]Member{}
	all := map[kafka.TopicPartition]bool{}
	for _, m := range slices.SortedFunc(slices.Values(found.members), func(a, b Member) int { return strings.Compare(a.ID, b.ID) }) {
		desc.MemberOf = append(desc.MemberOf, m)
		for _, tp := range m.Assigned {
			if !all[tp] {
				owner[tp], all[tp] = m, true
			}
		}
	}
	commits := d.commits[group.Name]
	for tp := range commits {
		all[tp] = true
	}
	for _, tp := range sorted(all) {
		desc.Partitions = append(desc.Partitions, d.partition(group, tp, commits, owner[tp]))
	}
	return desc
}

func (d *details) partition(group Group, tp kafka.TopicPartition, commits map[kafka.TopicPartition]int64, owner Member) Partition {
	row := Partition{Topic: tp.Topic, Partition: tp.Partition, Member: owner.ID, ClientID: owner.ClientID, Host: strings.TrimPrefix(owner.Host, "/")}
	if end, ok := d.bounds.end[tp]; ok {
		row.End = &end
	}
	if d.bounds.gone[tp] {
		row.Error = "the topic or partition is gone"
	} else if err := d.bounds.errs[tp]; err != nil {
		row.Error = err.Error()
	}
	commit, ok := commits[tp]
	if !ok {
		return row
	}
	row.Current = &commit
	if lag, err := d.lag(group.Name, group.Type, tp, commit); err == nil && row.Error == "" {
		row.Lag = &lag
	}
	return row
}

// addSeconds fills LagSeconds, to a tenth.
func (g *Groups) addSeconds(ctx context.Context, d *Description, now time.Time) {
	from := map[kafka.TopicPartition]int64{}
	for _, p := range d.Partitions {
		if p.Lag != nil && *p.Lag > 0 && d.Type != Share {
			from[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}] = *p.Current
		}
	}
	late := g.behind(ctx, from, now)
	for i := range d.Partitions {
		p := &d.Partitions[i]
		if p.Lag == nil {
			continue
		}
		seconds := 0.0
		if *p.Lag > 0 {
			duration, ok := late[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}]
			if !ok {
				continue
			}
			seconds = math.Round(duration.Seconds()*10) / 10
		}
		p.LagSeconds = &seconds
	}
}

// Members gives the live members of the group by name, for a caller that is
// about to change its offsets; err is [ErrNotFound] without the group.
func (g *Groups) Members(ctx context.Context, name string) (Group, []Member, error) {
	all, err := g.names(ctx)
	if err != nil {
		return Group{}, nil, err
	}
	i := slices.IndexFunc(all, func(group Group) bool { return group.Name == name })
	if i < 0 {
		return Group{}, nil, &NotFoundError{Name: name}
	}
	d := g.details(ctx, all[i:i+1])
	group := all[i]
	d.fill(&group)
	if err := d.errs[name]; err != nil {
		return group, nil, fmt.Errorf("%s: %w", name, err)
	}
	return group, d.descriptors[name].members, nil
}
