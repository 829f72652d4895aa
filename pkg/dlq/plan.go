package dlq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Plan is what a run is going to do, made before anything is written. [Plan.Run]
// does it.
type Plan struct {
	Queue    string `json:"dlq"`
	TopicID  string `json:"topic_id"`
	Cluster  string `json:"cluster"`
	Ledger   string `json:"ledger"`
	LedgerID string `json:"ledger_id"`
	Action   Action `json:"action"`

	// Pending are the letters up to the snapshot that the ledger does not call
	// resolved, Selected those of them that were asked for.
	Pending  int64 `json:"pending"`
	Selected int64 `json:"selected"`
	// Letters are those that the run sends or resolves; the others stay, each
	// for one of the reasons of Behind.
	Letters    int64           `json:"letters"`
	Duplicates int64           `json:"duplicates"` // of letters that are sent; resolved with them
	Park       int64           `json:"park"`       // replayed too often before
	Behind     []Reason        `json:"behind"`
	Partitions []PlanPartition `json:"partitions"`
	Targets    []PlanTarget    `json:"targets"`
	Failures   []PlanFailure   `json:"failures"`
	Sample     []PlanLetter    `json:"sample"`
	Warnings   []string        `json:"warnings"`
	// Tombstones are the keys that an undo deletes from its targets.
	Tombstones int64 `json:"tombstones,omitempty"`
	// Expires is when the oldest selected letter is deleted by age, zero where never.
	Expires time.Time `json:"expires,omitzero"`

	client      *kafka.Client
	opts        Options
	ledger      *Ledger
	queue       *topicFacts
	bounds      *bounds
	source      string
	retryTopics map[string]bool
	targets     map[string]*target
	unusable    map[string]error // topics that only letters name, and why none goes there
	index       index
	oldest      time.Time
	groups      []string // that letters failed in
	previous    *Run
	tombstones  *tombstones
}

// Reason is why letters stay pending.
type Reason struct {
	Text    string `json:"reason"`
	Letters int64  `json:"letters"`
	First   string `json:"first"` // a letter that it is true of, as 3@1204
}

// PlanPartition is what a plan takes from one partition of the queue.
type PlanPartition struct {
	Partition int32 `json:"partition"`
	Letters   int64 `json:"letters"`
	First     int64 `json:"first"`
	Last      int64 `json:"last"`
	End       int64 `json:"end"` // of the snapshot: later letters are not looked at
}

// PlanTarget is a topic that letters go to.
type PlanTarget struct {
	Topic     string   `json:"topic"`
	ID        string   `json:"topic_id"`
	Letters   int64    `json:"letters"`
	Partition string   `json:"partition"` // how the partition is chosen
	Groups    []string `json:"groups"`    // consumer groups that will see the letters
}

// PlanFailure is a group of letters that failed alike.
type PlanFailure struct {
	ID      string `json:"id"`
	Class   string `json:"class"`
	Message string `json:"message"`
	Letters int64  `json:"letters"`
}

// PlanLetter is one letter as it would be sent.
type PlanLetter struct {
	Letter string `json:"letter"` // as 3@1204
	Topic  string `json:"to_topic"`
	To     int32  `json:"to_partition"`
	Key    []byte `json:"key"`
	Class  string `json:"class"`
}

func (p *Plan) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(p.Warnings, text) {
		p.Warnings = append(p.Warnings, text)
	}
}

// Prepare looks at the cluster, the ledger and the queue and says what a run
// would do. It writes nothing. Its errors are [ErrInvalid], [ErrNoLedger],
// [ErrConflict] where the ledger does not fit the queue, [ErrBusy] where another
// run lives, [ErrStuck] where the queue cannot be read, and kafka's own. A plan
// without letters is no error.
func Prepare(ctx context.Context, c *kafka.Client, opts Options) (*Plan, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	p := &Plan{
		Queue: opts.Queue, Ledger: opts.Ledger, Action: opts.Action, Cluster: c.ClusterID(), client: c, opts: opts,
		targets: map[string]*target{}, unusable: map[string]error{}, retryTopics: map[string]bool{},
		Behind: []Reason{}, Partitions: []PlanPartition{}, Targets: []PlanTarget{}, Failures: []PlanFailure{}, Sample: []PlanLetter{}, Warnings: []string{},
	}
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	if err := opts.Approved.check(p, c); err != nil {
		return nil, err
	}
	if err := p.findSource(ctx); err != nil {
		return nil, err
	}
	if err := p.findRetryTopics(ctx); err != nil {
		return nil, err
	}
	if opts.Action == Reopened {
		err := p.planUndo()
		if err == nil && opts.Tombstone {
			err = p.planTombstones(ctx)
		}
		return p, err
	}
	if err := p.scan(ctx); err != nil {
		return nil, err
	}
	if err := p.findSuperseded(ctx); err != nil {
		return nil, err
	}
	p.index.arrange(opts)
	p.summarise()
	if err := opts.Approved.checkTargets(p); err != nil {
		return nil, err
	}
	p.findGroups(ctx)
	p.tellPrevious()
	return p, nil
}

// OnProgress has the run of this plan report after each transaction.
func (p *Plan) OnProgress(report func(Progress)) { p.opts.Progress = report }

// tellPrevious says what is going to happen to a run that did not end.
func (p *Plan) tellPrevious() {
	prev := p.previous
	switch {
	case prev == nil || prev.TopicID != ledgerIDText(p.queue.id) || p.opts.ReadOnly:
	case p.opts.Takeover && lifeOf(prev) != dead:
		p.opts.Notice(fmt.Sprintf("taking over from run %s (%s@%s), which has done %d of %d", prev.ID, prev.Op, prev.Host, prev.Done, prev.Plan))
	default:
		p.opts.Notice(fmt.Sprintf("run %s (%s) ended uncleanly after %d of %d; its last transaction was aborted. Resuming: %d left",
			prev.ID, prev.Op, prev.Done, prev.Plan, p.Letters+p.Park))
	}
}

// retention is how long the queue keeps letters, 0 for ever.
func (p *Plan) retention() time.Duration {
	if !p.queue.deletes {
		return 0
	}
	return p.queue.retention
}

// findRetryTopics finds the topics of groups that take their own retries, so
// that no other group sees what only one of them failed on.
func (p *Plan) findRetryTopics(ctx context.Context) error {
	if p.opts.ForGroup == "" || !p.opts.Action.sends() {
		return nil
	}
	meta, err := p.client.Metadata(ctx, nil)
	if err != nil {
		return err
	}
	for _, t := range meta.Topics {
		if t.Err == nil {
			p.retryTopics[t.Name] = true
		}
	}
	return nil
}

// summarise puts what the index knows into words and numbers.
func (p *Plan) summarise() {
	p.Letters, p.Duplicates, p.Park = p.index.counts()
	p.Behind = append(p.Behind, p.index.reasons()...)
	p.Partitions = append(p.Partitions, p.index.partitions(p.bounds)...)
	for _, name := range slices.Sorted(maps.Keys(p.targets)) {
		t := p.targets[name]
		how := "original partition"
		switch {
		case t.detected:
			how = "by key, " + t.found.String()
		case t.byKey != nil:
			how = "by key, " + t.byKey.name
		}
		p.Targets = append(p.Targets, PlanTarget{Topic: name, ID: t.id, Letters: t.letters, Partition: how, Groups: []string{}})
	}
	if keep := p.retention(); keep > 0 && !p.oldest.IsZero() {
		p.Expires = p.oldest.Add(keep)
	}
}

// identity is the topics that the run stands on.
func (p *Plan) identity() identity {
	id := identity{p.Queue: p.queue.id, p.opts.Ledger: p.ledger.TopicID}
	for name, t := range p.targets {
		id[name] = t.id
	}
	return id
}
