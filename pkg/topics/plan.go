package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrConflict is a plan that holds what Kafka cannot do: fewer partitions,
// other replicas.
var ErrConflict = errors.New("cannot be brought to the declared state")

// Verb is what a step of a plan does.
type Verb string

// The verbs of a plan.
const (
	VerbCreate   Verb = "create"
	VerbAlter    Verb = "alter"
	VerbDelete   Verb = "delete"
	VerbNone     Verb = "unchanged"
	VerbConflict Verb = "conflict"
)

// Step is what a plan does to one topic.
type Step struct {
	Name    string       `json:"name"`
	Verb    Verb         `json:"action"`
	Changes []Difference `json:"changes,omitempty"`
	// Extra are settings of the topic that the file does not name. They stay,
	// unless the plan prunes.
	Extra []Difference `json:"not_in_file,omitempty"`
	// KeysMove tells that partitions are added: later records of a key may go
	// to another partition than earlier ones.
	KeysMove bool `json:"keys_move,omitempty"`
	// Records is how many go with a deletion; nil where unknown.
	Records *int64 `json:"records,omitempty"`
	// Reason says why a step is a conflict.
	Reason string `json:"reason,omitempty"`
	// Done tells that the step was made.
	Done bool `json:"done"`
	// Err is why it could not be made, and Error its text.
	Err   error  `json:"-"`
	Error string `json:"error,omitempty"`

	spec   Spec
	change Change
}

// PlanOptions changes what [Admin.Plan] plans.
type PlanOptions struct {
	// Prune also deletes topics that are not declared and takes settings off
	// that are not declared. It spares internal topics and those whose name
	// begins with an underscore, which other systems keep their state in.
	Prune bool
	// Spare are topics that Prune does not delete either.
	Spare []string
}

// Plan compares the declared topics with the cluster's. Its steps are in the
// order in which [Admin.Apply] makes them.
func (a *Admin) Plan(ctx context.Context, specs []Spec, opts PlanOptions) ([]Step, error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	states, err := a.states(ctx, names)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range sizeDeclared(specs, states) {
		if have, ok := states[s.Name]; ok {
			steps = append(steps, planExisting(s, have, opts))
		} else {
			steps = append(steps, Step{Name: s.Name, Verb: VerbCreate, spec: s})
		}
	}
	if err := a.findCollisions(ctx, steps); err != nil {
		return nil, err
	}
	if !opts.Prune {
		return steps, nil
	}
	list, err := a.List(ctx, ListOptions{Records: true})
	if err != nil {
		return nil, err
	}
	for _, t := range list.Topics {
		if !slices.Contains(names, t.Name) && !slices.Contains(opts.Spare, t.Name) && !strings.HasPrefix(t.Name, "_") {
			steps = append(steps, Step{Name: t.Name, Verb: VerbDelete, Records: t.Records})
		}
	}
	return steps, nil
}

// findCollisions makes conflicts of topics that the cluster would refuse to
// create beside those it has.
func (a *Admin) findCollisions(ctx context.Context, steps []Step) error {
	risky := func(s Step) bool { return s.Verb == VerbCreate && strings.ContainsAny(s.Name, "._") }
	if !slices.ContainsFunc(steps, risky) {
		return nil
	}
	meta, err := a.client.Metadata(ctx, nil)
	if err != nil {
		return err
	}
	taken := map[string]string{}
	for _, t := range meta.Topics {
		taken[metricName(t.Name)] = t.Name
	}
	for i := range steps {
		if other := taken[metricName(steps[i].Name)]; risky(steps[i]) && other != "" && other != steps[i].Name {
			steps[i].Verb, steps[i].Reason = VerbConflict, fmt.Sprintf("the cluster has %s: %v", other, ErrCollides)
		}
	}
	return nil
}

// sizeDeclared gives dead letter queues the record size that their sources are
// declared to have or have; those of sources yet to be made wait for them.
func sizeDeclared(specs []Spec, states map[string]state) []Spec {
	sized := slices.Clone(specs)
	for i, s := range sized {
		source, ok := states[s.DLQOf]
		if s.DLQOf == "" || !ok {
			continue
		}
		sized[i] = s.sizedAfter(source.Partitions, source.Config[maxMessageBytes].Value)
	}
	return sized
}

func planExisting(s Spec, have state, opts PlanOptions) Step {
	step := Step{Name: s.Name, Verb: VerbNone, spec: s}
	switch {
	case s.Partitions > 0 && s.Partitions < have.Partitions:
		step.Verb = VerbConflict
		step.Reason = fmt.Sprintf("has %d partitions, not %d: %v", have.Partitions, s.Partitions, ErrShrink)
		return step
	case s.Replication > 0 && s.Replication != have.Replication:
		step.Verb = VerbConflict
		step.Reason = fmt.Sprintf("has %d replicas, not %d: changing that means moving data, which this does not do", have.Replication, s.Replication)
		return step
	}
	step.change.Set = s.Config
	for _, e := range slices.Sorted(maps.Keys(have.Config)) {
		entry := have.Config[e]
		if _, declared := s.Config[e]; declared || entry.Source != SourceTopic {
			continue
		}
		if opts.Prune {
			step.change.Delete = append(step.change.Delete, e)
		} else {
			step.Extra = append(step.Extra, Difference{Field: e, Have: entry.Value})
		}
	}
	if s.Partitions > have.Partitions {
		step.change.Partitions = s.Partitions
		step.KeysMove = true
		step.Changes = append(step.Changes, Difference{Field: "partitions", Have: strconv.Itoa(int(have.Partitions)), Want: strconv.Itoa(int(s.Partitions))})
	}
	step.Changes = append(step.Changes, have.settingChanges(step.change)...)
	if len(step.Changes) > 0 {
		step.Verb = VerbAlter
	}
	return step
}

// ApplyOptions changes what [Admin.Apply] does.
type ApplyOptions struct {
	// ForceConfig leaves the check of names and values of settings to the broker.
	ForceConfig bool
	// Progress, when set, is told of each step once it is made or has failed.
	Progress func(Step)
}

// Apply makes the steps of a plan: it creates, then alters, then deletes, and
// says in each step's Done and Error what became of it. A plan with a conflict
// is [ErrConflict] and nothing of it is made. A step that fails does not keep
// the others; its error is joined in the one returned. Making the same plan
// again is safe.
func (a *Admin) Apply(ctx context.Context, steps []Step, opts ApplyOptions) ([]Step, error) {
	var conflicts []error
	for _, s := range steps {
		if s.Verb == VerbConflict {
			conflicts = append(conflicts, fmt.Errorf("%s: %w: %s", s.Name, ErrConflict, s.Reason))
		}
	}
	if err := errors.Join(conflicts...); err != nil {
		return steps, err
	}
	done := slices.Clone(steps)
	var failed []error
	settle := func(i int, err error) {
		done[i].Done = err == nil
		if err != nil {
			done[i].Err, done[i].Error = err, err.Error()
			failed = append(failed, err)
		}
		if opts.Progress != nil {
			opts.Progress(done[i])
		}
	}
	if late := a.applyCreate(ctx, done, opts, settle); late != nil {
		failed = append(failed, late)
	}
	for i, s := range done {
		if s.Verb == VerbAlter && ctx.Err() == nil {
			_, err := a.Alter(ctx, s.Name, s.change, AlterOptions{ForceConfig: opts.ForceConfig})
			settle(i, err)
		}
	}
	a.applyDelete(ctx, done, settle)
	if ctx.Err() != nil {
		return done, ctx.Err()
	}
	return done, errors.Join(failed...)
}

// applyCreate makes the new topics. Its error is about those that were made and
// have no leaders yet.
func (a *Admin) applyCreate(ctx context.Context, steps []Step, opts ApplyOptions, settle func(int, error)) error {
	var specs []Spec
	var at []int
	for i, s := range steps {
		if s.Verb == VerbCreate {
			specs, at = append(specs, s.spec), append(at, i)
		}
	}
	if len(specs) == 0 {
		return nil
	}
	made, late, err := a.create(ctx, specs, CreateOptions{ForceConfig: opts.ForceConfig})
	for j, i := range at {
		if made == nil {
			settle(i, err)
		} else {
			settle(i, made[j].Err)
		}
	}
	return late
}

func (a *Admin) applyDelete(ctx context.Context, steps []Step, settle func(int, error)) {
	var names []string
	var at []int
	for i, s := range steps {
		if s.Verb == VerbDelete {
			names, at = append(names, s.Name), append(at, i)
		}
	}
	if len(names) == 0 || ctx.Err() != nil {
		return
	}
	gone, err := a.Delete(ctx, names)
	for j, i := range at {
		if gone == nil {
			settle(i, err)
		} else {
			settle(i, gone[j].Err)
		}
	}
}
