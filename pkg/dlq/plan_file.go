package dlq

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// planVersion is the version of plan files that this release writes and reads.
const planVersion = 1

// PlanFile is a plan for somebody else to approve: which letters, by their
// coordinates, and where they go. It holds nothing of their content. A run by
// it takes no letter that it does not name; those resolved meanwhile are left
// out.
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

	spans map[int32][]span
}

// File is the plan as a file.
func (p *Plan) File() *PlanFile {
	o := &p.opts
	f := &PlanFile{
		Version: planVersion, Made: time.Now().UTC().Truncate(time.Second), By: o.Operator, Reason: o.Reason, Cluster: p.Cluster,
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
	return f
}

// maxPlanFile bounds a plan file, in bytes.
const maxPlanFile = 256 << 20

// ReadPlanFile reads a plan file; one that is malformed is [ErrInvalid], one of
// a newer release [ErrConflict].
func ReadPlanFile(r io.Reader) (*PlanFile, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxPlanFile+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxPlanFile {
		return nil, errorf(ErrInvalid, "plan file of more than %d bytes", maxPlanFile)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, errorf(ErrInvalid, "no plan file: %v", err)
	}
	if head.Version > planVersion {
		return nil, errorf(ErrConflict, "plan file of version %d, this manage-kafka knows %d", head.Version, planVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	f := &PlanFile{}
	if err := dec.Decode(f); err != nil {
		return nil, errorf(ErrInvalid, "no plan file: %v", err)
	}
	if f.Version != planVersion || f.Queue == "" || f.Ledger == "" || !f.Action.known() || f.Action == Reopened {
		return nil, errorf(ErrInvalid, "no plan file: version, queue, ledger or action is missing or wrong")
	}
	f.spans = map[int32][]span{}
	for part, text := range f.Ranges {
		if f.spans[part], err = decodeSpans(text); err != nil || part < 0 {
			return nil, errorf(ErrInvalid, "plan file: partition %d: %v", part, err)
		}
	}
	return f, nil
}

// Apply makes the options do what the plan says, and nothing else.
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
		return errorf(ErrConflict, "the plan was made for cluster %s, this is %s", f.Cluster, c.ClusterID())
	case f.TopicID != p.TopicID:
		return errorf(ErrConflict, "%s was made anew since the plan was", p.Queue)
	case f.LedgerID != p.LedgerID:
		return errorf(ErrConflict, "the ledger %s was made anew since the plan was", p.Ledger)
	}
	return nil
}

// names tells whether the plan names the letter; no plan names all.
func (f *PlanFile) names(part int32, offset int64) bool {
	if f == nil {
		return true
	}
	spans := f.spans[part]
	i := after(spans, offset)
	return i > 0 && spans[i-1].last >= offset
}
