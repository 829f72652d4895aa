package dlq

import (
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// planVersion is the newest version of plan files that this release knows:
	// of a plan that changes or checks letters.
	planVersion = 2
	// planUnfixed is the version of a plan that sends letters as they are. It
	// is what earlier releases know.
	planUnfixed = 1
)

// PlanFile is a plan for somebody else to approve: which letters, by their
// coordinates, what is changed in them and asked of them, and where they go. It
// holds nothing of their content. A run by it takes no letter that it does not
// name; those resolved meanwhile are left out.
type PlanFile struct {
	Version    int              `json:"version"`
	Made       time.Time        `json:"made"`
	By         string           `json:"by"`
	Reason     string           `json:"reason,omitempty"`
	Cluster    string           `json:"cluster"`
	Ledger     string           `json:"ledger"`
	LedgerID   string           `json:"ledger_id"`
	Queue      string           `json:"dlq"`
	TopicID    string           `json:"topic_id"`
	Action     Action           `json:"action"`
	To         string           `json:"to,omitempty"`
	ForGroup   string           `json:"for_group,omitempty"`
	Partition  string           `json:"partition_by,omitempty"`
	Order      string           `json:"order"`
	Superseded string           `json:"superseded"`
	Timestamp  string           `json:"timestamp"`
	MaxReplays int              `json:"max_replays"`
	Selection  string           `json:"selection,omitempty"` // in words
	Letters    int64            `json:"letters"`
	Targets    []PlanTarget     `json:"targets"`
	Ends       map[int32]int64  `json:"ends"`   // of the snapshot, by partition
	Ranges     map[int32]string `json:"ranges"` // the letters, as the ledger writes them
	// Fix, from version 2 on, is what is done to the letters. Left are those
	// that were asked for and stay pending: a run judges them again to tell why,
	// and sends none. Sum is [PlanFile.Digest], which says that the file is the
	// one that was written; it is no signature.
	Fix  *PlanFix         `json:"fix,omitempty"`
	Left map[int32]string `json:"left,omitempty"`
	Sum  string           `json:"sum,omitempty"`

	spans map[int32][]span
	left  map[int32][]span
}

// File is the plan as a file. A plan whose letters are changed or checked by
// what is no data is [ErrInvalid]: whoever applied it would send others.
func (p *Plan) File() (*PlanFile, error) {
	o := &p.opts
	f := &PlanFile{
		Version: planUnfixed, Made: time.Now().UTC().Truncate(time.Second), By: o.Operator, Reason: o.Reason, Cluster: p.Cluster,
		Ledger: p.Ledger, LedgerID: p.LedgerID, Queue: p.Queue, TopicID: p.TopicID, Action: p.Action, To: o.To, ForGroup: o.ForGroup,
		Partition: o.Partition, Order: o.Order, Superseded: o.Superseded, Timestamp: o.Timestamp, MaxReplays: o.MaxReplays,
		Selection: o.Selection.Normalised(), Letters: p.Letters, Targets: p.Targets, Ends: map[int32]int64{}, Ranges: map[int32]string{},
	}
	for part, end := range p.bounds.end {
		f.Ends[int32(part)] = end
	}
	for part, offsets := range newWatermark(p).pending {
		f.Ranges[part] = encodeSpans(spansOf(offsets))
	}
	if o.Transform != nil || o.Validate != nil || o.Fix != nil && !o.PlanFix.Any() {
		return nil, errorf(ErrInvalid, "a plan file carries changes and checks as data only")
	}
	if o.Fix == nil {
		return f, nil
	}
	fixed := *o.PlanFix
	fixed.Hash = o.FixHash
	if err := fixed.check(); err != nil {
		return nil, errorf(ErrInvalid, "no plan file can hold this: %v", err)
	}
	f.Version, f.Fix, f.Left = planVersion, &fixed, map[int32]string{}
	for part, offsets := range p.index.leftBehind() {
		f.Left[part] = encodeSpans(spansOf(offsets))
	}
	var err error
	f.Sum, err = f.Digest()
	return f, err
}

// Apply makes the options do what the plan says, and nothing else. What it
// changes and checks, its Fix, is for the caller to add; see [Options.UsePlanFix].
func (f *PlanFile) Apply(o *Options) {
	o.Queue, o.Ledger, o.Action, o.To, o.ForGroup = f.Queue, f.Ledger, f.Action, f.To, f.ForGroup
	o.Partition, o.Order, o.Superseded, o.Timestamp, o.MaxReplays = f.Partition, f.Order, f.Superseded, f.Timestamp, f.MaxReplays
	o.Selection, o.Approved = Selection{}, f
	if o.Reason == "" {
		o.Reason = f.Reason
	}
}

// check refuses a plan that was made of something else.
func (f *PlanFile) check(p *Plan, c *kafka.Client) error {
	switch {
	case f == nil:
	case f.Cluster != c.ClusterID():
		return errorf(ErrPlanUnfit, "the plan was made for cluster %s, this is %s", f.Cluster, c.ClusterID())
	case f.TopicID != p.TopicID:
		return errorf(ErrPlanUnfit, "%s was made anew since the plan was", p.Queue)
	case f.LedgerID != p.LedgerID:
		return errorf(ErrPlanUnfit, "the ledger %s was made anew since the plan was", p.Ledger)
	case (f.Fix != nil) != (p.opts.Fix != nil), f.Fix != nil && f.Fix.Hash != p.opts.FixHash:
		return errorf(ErrInvalid, "the run would not do to the letters what the plan says")
	}
	return nil
}

// checkTargets refuses topics that are not those which the plan was made for.
func (f *PlanFile) checkTargets(p *Plan) error {
	if f == nil {
		return nil
	}
	for _, then := range f.Targets {
		if now := p.targets[then.Topic]; now != nil && then.ID != "" && now.id != then.ID {
			return errorf(ErrPlanUnfit, "the target %s was made anew since the plan was", then.Topic)
		}
	}
	return nil
}

// names tells whether the plan names the letter, to send it or to leave it; no
// plan names all.
func (f *PlanFile) names(part int32, offset int64) bool {
	return f == nil || within(f.spans[part], offset) || within(f.left[part], offset)
}

// leaves tells whether the plan leaves the letter pending.
func (f *PlanFile) leaves(part int32, offset int64) bool {
	return f != nil && within(f.left[part], offset)
}

func within(spans []span, offset int64) bool {
	i := after(spans, offset)
	return i > 0 && spans[i-1].last >= offset
}
