package groups

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Anchor is what a [Target] counts from.
type Anchor int

// The anchors.
const (
	ToStart   Anchor = iota // the first record there is
	ToEnd                   // after the last one
	ToTime                  // the first record at or after Time, the end without one
	ToOffset                // N
	ByRecords               // N offsets from the committed one, back where N is negative
	ToGroup                 // where Group is
	ToSaved                 // where Saved says
	ToNone                  // nowhere: the committed offsets are taken away
)

// Target says where in its partitions a group is to go on.
type Target struct {
	Anchor Anchor
	N      int64
	Time   time.Time
	Group  string
	Saved  *Saved
}

// ResetOptions say what [Groups.PlanReset] is to move.
type ResetOptions struct {
	// Topics are those to move in; none means those that the target names, or those
	// with a committed offset.
	Topics []string
	// Partitions are the only ones to move in, of each topic; none means all.
	Partitions []int32
	To         Target
	// Create allows for a group that is not there: the first commit makes it.
	Create bool
}

// Reset is what becomes of a group's committed offsets.
type Reset struct {
	Group string `json:"group"`
	// New says that the group is not there yet.
	New   bool   `json:"new,omitempty"`
	Moves []Move `json:"moves"` // by topic and partition

	coordinator int32
	share       bool
	before      map[kafka.TopicPartition]commit
	beside      map[kafka.TopicPartition]commit // what was saved, or another group has
}

// Move is what becomes of the committed offset of one partition.
type Move struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Current is the committed offset, nil without one.
	Current *int64 `json:"current,omitempty"`
	// New is what it becomes, nil where the commit is taken away or Note says why
	// nothing changes.
	New *int64 `json:"new,omitempty"`
	// Lag is how many offsets lie after New.
	Lag *int64 `json:"lag,omitempty"`
	// Note says what is not as it was asked for.
	Note string `json:"note,omitempty"`
	// Err is why the broker did not take it, after [Groups.Reset], and Error its text.
	Err   error  `json:"-"`
	Error string `json:"error,omitempty"`

	forget bool
	renew  bool // of a share group: what was acknowledged after New is forgotten
}

func (m *Move) fail(err error) { m.Err, m.Error = err, err.Error() }

// Changes tells whether the move changes anything.
func (m Move) Changes() bool {
	if m.New == nil {
		return m.forget && m.Current != nil
	}
	return m.Current == nil || *m.Current != *m.New || m.renew
}

func (m Move) tp() kafka.TopicPartition {
	return kafka.TopicPartition{Topic: m.Topic, Partition: m.Partition}
}

// PlanReset finds out where a group would go on, and changes nothing. Offsets that
// the partition does not have become its nearest.
//
// The committed offset of a share group is where its state begins; it takes brokers
// that let it be set (request.ErrUnsupported).
//
// It reports [ErrNotFound] for a group or source group that is not there, [ErrLive],
// kafka.ErrUnknownTopic, and an error for a partition that a topic does not have. Only
// [ToNone] is for groups with members too: brokers refuse it for the topics that these
// read, and for share groups.
func (g *Groups) PlanReset(ctx context.Context, name string, opts ResetOptions) (*Reset, error) {
	all, err := g.names(ctx)
	if err != nil {
		return nil, err
	}
	plan := &Reset{Group: name, Moves: []Move{}}
	if err := g.findForReset(ctx, all, plan, opts); err != nil {
		return nil, err
	}
	if !plan.New {
		read := g.committed
		if plan.share {
			read = g.shareOffsets
		}
		if plan.before, err = read(ctx, plan.coordinator, name); err != nil {
			return nil, err
		}
	}
	if plan.beside, err = g.givenBy(ctx, all, opts.To); err != nil {
		return nil, err
	}
	if opts.To.Anchor == ToNone {
		plan.beside = plan.before
	}
	places, gone, err := g.places(ctx, opts, plan.before, plan.beside)
	if err != nil {
		return nil, err
	}
	there := slices.DeleteFunc(slices.Clone(places), func(tp kafka.TopicPartition) bool { return gone[tp] })
	starts, ends, at, err := g.edges(ctx, there, opts.To)
	if err != nil {
		return nil, err
	}
	for _, tp := range places {
		m := Move{Topic: tp.Topic, Partition: tp.Partition}
		if c, ok := plan.before[tp]; ok {
			m.Current = &c.offset
		}
		if gone[tp] && opts.To.Anchor != ToNone {
			m.Note = "the topic or partition is gone"
		} else {
			m.aim(opts.To, plan.beside, starts[tp], ends[tp], at[tp])
			if before, ok := plan.before[tp]; plan.share {
				m.renew = m.renews(before, ok)
			}
		}
		plan.Moves = append(plan.Moves, m)
	}
	return plan, ctx.Err()
}

// findForReset finds the group's coordinator, and refuses a group that may not be
// changed.
func (g *Groups) findForReset(ctx context.Context, all []Group, plan *Reset, opts ResetOptions) error {
	i := slices.IndexFunc(all, func(group Group) bool { return group.Name == plan.Group })
	if i < 0 {
		if !opts.Create || opts.To.Anchor == ToNone {
			return &NotFoundError{Name: plan.Group}
		}
		plan.New, plan.share = true, opts.To.Saved != nil && opts.To.Saved.Type == Share
		var err error
		plan.coordinator, err = g.coordinatorOf(ctx, plan.Group)
		return err
	}
	plan.coordinator, plan.share = all[i].Coordinator, all[i].Type == Share
	if opts.To.Anchor == ToNone && !plan.share {
		return nil
	}
	return g.mustBeEmpty(ctx, all[i])
}

// mustBeEmpty is [ErrLive] for a group that has members, or may have some.
func (g *Groups) mustBeEmpty(ctx context.Context, group Group) error {
	d := g.details(ctx, []Group{group})
	d.fill(&group)
	if err := d.errs[group.Name]; err != nil && group.Members == nil {
		return fmt.Errorf("%s: %w", group.Name, err)
	}
	if group.Live() {
		return &LiveError{Name: group.Name, Members: d.descriptors[group.Name].members}
	}
	return ctx.Err()
}

// givenBy is the commits that a target names by itself, nil for one that does not;
// the offset -1 is no commit.
func (g *Groups) givenBy(ctx context.Context, all []Group, to Target) (map[kafka.TopicPartition]commit, error) {
	switch to.Anchor {
	case ToSaved:
		given := map[kafka.TopicPartition]commit{}
		for _, o := range to.Saved.Offsets {
			given[kafka.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = commit{offset: o.offset(), metadata: o.Metadata}
		}
		return given, nil
	case ToGroup:
		i := slices.IndexFunc(all, func(group Group) bool { return group.Name == to.Group })
		if i < 0 {
			return nil, &NotFoundError{Name: to.Group}
		}
		if all[i].Type == Share {
			return g.shareOffsets(ctx, all[i].Coordinator, to.Group)
		}
		return g.committed(ctx, all[i].Coordinator, to.Group)
	default:
		return nil, nil
	}
}

// places are the partitions that are moved in, in order; gone are those among them
// that the cluster does not have any more.
func (g *Groups) places(ctx context.Context, opts ResetOptions, before, given map[kafka.TopicPartition]commit) (list []kafka.TopicPartition, gone map[kafka.TopicPartition]bool, err error) {
	wanted := map[kafka.TopicPartition]bool{}
	for tp := range given {
		wanted[tp] = true
	}
	if given == nil && len(opts.Topics) == 0 {
		for tp := range before {
			wanted[tp] = true
		}
	}
	topics := map[string]bool{}
	for _, t := range opts.Topics {
		topics[t] = true
	}
	for tp := range wanted {
		if len(opts.Topics) > 0 && !slices.Contains(opts.Topics, tp.Topic) || len(opts.Partitions) > 0 && !slices.Contains(opts.Partitions, tp.Partition) {
			delete(wanted, tp)
			continue
		}
		topics[tp.Topic] = true
	}
	meta, err := g.client.Metadata(ctx, slices.Sorted(maps.Keys(topics)))
	if err != nil {
		return nil, nil, err
	}
	known := map[kafka.TopicPartition]bool{}
	for _, t := range meta.Topics {
		if t.Err != nil && slices.Contains(opts.Topics, t.Name) {
			return nil, nil, fmt.Errorf("%s: %w", t.Name, t.Err)
		}
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
			known[tp] = true
			if given == nil && slices.Contains(opts.Topics, t.Name) && (len(opts.Partitions) == 0 || slices.Contains(opts.Partitions, p.ID)) {
				wanted[tp] = true
			}
		}
		if err := hasPartitions(t, opts); err != nil {
			return nil, nil, err
		}
	}
	gone = map[kafka.TopicPartition]bool{}
	for tp := range wanted {
		gone[tp] = !known[tp]
	}
	return sorted(wanted), gone, nil
}

// hasPartitions is an error for a topic that was named and lacks a partition that was.
func hasPartitions(t kafka.TopicMetadata, opts ResetOptions) error {
	if !slices.Contains(opts.Topics, t.Name) {
		return nil
	}
	for _, p := range opts.Partitions {
		if p < 0 || int(p) >= len(t.Partitions) {
			return fmt.Errorf("%s has no partition %d: it has %d", t.Name, p, len(t.Partitions))
		}
	}
	return nil
}

// edges asks where partitions begin and end, and where the target's time is in them.
func (g *Groups) edges(ctx context.Context, places []kafka.TopicPartition, to Target) (starts, ends, at map[kafka.TopicPartition]int64, err error) {
	ask := func(what int64) (map[kafka.TopicPartition]int64, error) {
		want := map[kafka.TopicPartition]int64{}
		for _, tp := range places {
			want[tp] = what
		}
		return g.client.Offsets(ctx, want, kafka.ReadUncommitted)
	}
	if len(places) == 0 {
		return nil, nil, nil, nil
	}
	if starts, err = ask(kafka.Earliest); err != nil {
		return nil, nil, nil, err
	}
	if ends, err = ask(kafka.Latest); err != nil {
		return nil, nil, nil, err
	}
	if to.Anchor == ToTime {
		at, err = ask(max(0, to.Time.UnixMilli()))
	}
	return starts, ends, at, err
}

// aim finds the new offset in a partition that reaches from start to end and has the
// target's time at at, -1 where it has no record as late.
func (m *Move) aim(to Target, given map[kafka.TopicPartition]commit, start, end, at int64) {
	var n int64
	switch to.Anchor {
	case ToStart:
		n = start
	case ToEnd:
		n = end
	case ToTime:
		if n = at; at < 0 {
			n, m.Note = end, "no record that late"
		}
	case ToOffset:
		n = to.N
	case ByRecords:
		if m.Current == nil {
			m.Note = "nothing is committed to count from"
			return
		}
		if n = *m.Current + to.N; to.N > 0 && n < 0 {
			n = math.MaxInt64
		}
	case ToGroup, ToSaved:
		if n = given[m.tp()].offset; n < 0 {
			m.forget = true
			return
		}
	case ToNone:
		m.forget = true
		return
	}
	if n < start {
		n, m.Note = start, fmt.Sprintf("%d is gone, the log begins at %d", n, start)
	} else if n > end {
		n, m.Note = end, fmt.Sprintf("%d is not there yet, the log ends at %d", n, end)
	}
	lag := end - n
	m.New, m.Lag = &n, &lag
}
