package dlq

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// SourceOf returns the topic whose dead letter queue has that name, false for
// a name that ends neither in .dlq nor, as Spring's do, in -dlt or .DLT.
func SourceOf(queue string) (string, bool) { return letters.SourceOf(queue) }

// QueueNames lists the topics that are dead letter queues by their name.
func QueueNames(ctx context.Context, c *kafka.Client) ([]string, error) {
	found, _, err := findQueues(ctx, c, nil)
	names := make([]string, len(found.Topics))
	for i, t := range found.Topics {
		names[i] = t.Name
	}
	return names, err
}

// findQueues gives the topics that the patterns select, by name: globs select
// among dead letter queues, a name selects any topic. No pattern selects every
// queue. missed are the patterns that selected nothing.
func findQueues(ctx context.Context, c *kafka.Client, patterns []string) (found kafka.Metadata, missed []string, err error) {
	if err := CheckPatterns(patterns); err != nil {
		return found, nil, err
	}
	var ask []string // nil asks for every topic
	if len(patterns) > 0 && !slices.ContainsFunc(patterns, isGlob) {
		ask = patterns
	}
	meta, err := c.Metadata(ctx, ask)
	if err != nil {
		return found, nil, err
	}
	found = meta
	found.Topics = nil
	hit := make([]bool, len(patterns))
	for _, t := range meta.Topics {
		if errors.Is(t.Err, kafka.ErrUnknownTopic) {
			continue
		}
		_, isQueue := SourceOf(t.Name)
		wanted := len(patterns) == 0 && isQueue
		for i, p := range patterns {
			ok := t.Name == p
			if isGlob(p) && isQueue {
				ok, _ = path.Match(p, t.Name) // checked above
			}
			hit[i] = hit[i] || ok
			wanted = wanted || ok
		}
		if wanted && (!t.Internal || slices.Contains(patterns, t.Name)) {
			found.Topics = append(found.Topics, t)
		}
	}
	for i, p := range patterns {
		if !hit[i] {
			missed = append(missed, p)
		}
	}
	return found, missed, nil
}

// CheckPatterns finds a glob that is none; it is [ErrInvalid].
func CheckPatterns(patterns []string) error {
	for _, p := range patterns {
		if p == "" {
			return errorf(ErrInvalid, "the name of a queue is empty")
		}
		if _, err := path.Match(p, ""); err != nil {
			return errorf(ErrInvalid, "%q: %v", p, err)
		}
	}
	return nil
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// oneQueue finds a single queue by its name; one that is not there is [ErrNotFound].
func oneQueue(ctx context.Context, c *kafka.Client, name string) (kafka.TopicMetadata, error) {
	if name == "" {
		return kafka.TopicMetadata{}, errorf(ErrInvalid, "no dead letter queue named")
	}
	meta, err := c.Metadata(ctx, []string{name})
	if err != nil {
		return kafka.TopicMetadata{}, err
	}
	for _, t := range meta.Topics {
		switch {
		case t.Name != name:
		case errors.Is(t.Err, kafka.ErrUnknownTopic):
			return t, errorf(ErrNotFound, "%s: there is no such topic", name)
		case t.Err != nil && len(t.Partitions) == 0:
			return t, fmt.Errorf("%s: %w", name, t.Err)
		default:
			return t, nil
		}
	}
	return kafka.TopicMetadata{}, fmt.Errorf("%s: the cluster left it out of its answer", name)
}

// ErrNotFound is a queue, letter or run that is not there.
var ErrNotFound = errors.New("not found")

// readLedger reads the ledger for one who only looks: without a ledger every
// letter is pending. note is what a reader should know about how much of it
// could be read, empty where nothing is amiss.
func readLedger(ctx context.Context, c *kafka.Client, topic, queue string) (l *Ledger, note string, err error) {
	l, err = OpenLedger(ctx, c, LedgerOptions{Topic: topic, Queue: queue})
	switch {
	case errors.Is(err, ErrNoLedger):
		if topic != "" && topic != DefaultLedger {
			note = fmt.Sprintf("the cluster has no ledger %s: every letter counts as pending", topic)
		}
		return &Ledger{}, note, nil
	case err != nil:
		return nil, "", err
	case l.Open != nil:
		note = fmt.Sprintf("the ledger is shown as of offset %d: a run is in the middle of a transaction", l.Open.Stable)
	}
	return l, note, nil
}
