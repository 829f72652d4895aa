package topics

import (
	"context"
	"fmt"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// awaitLeaders waits until every partition of the topics has a leader that a
// broker tells clients about, as long as one request may take.
func (a *Admin) awaitLeaders(ctx context.Context, names []string) error {
	var waiting string
	err := a.poll(ctx, func() (bool, error) {
		meta, err := a.client.Metadata(ctx, names)
		if err != nil {
			return false, fmt.Errorf("waiting for the new topics: %w", err)
		}
		waiting = leaderless(meta)
		return waiting == "", nil
	})
	if err == nil && waiting != "" {
		return fmt.Errorf("%s: created, but %w after %v", waiting, ErrNotReady, a.client.Timeout())
	}
	return err
}

// leaderless names the first topic that has a partition without a leader.
func leaderless(meta kafka.Metadata) string {
	for _, t := range meta.Topics {
		if t.Err != nil || len(t.Partitions) == 0 {
			return t.Name
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return t.Name
			}
		}
	}
	return ""
}

// awaitGone waits until the topics are gone from metadata, as long as one
// request may take; a slow deletion goes on by itself and is no error.
func (a *Admin) awaitGone(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return a.poll(ctx, func() (bool, error) {
		meta, err := a.client.Metadata(ctx, names)
		if err != nil {
			return false, fmt.Errorf("waiting for the topics to go: %w", err)
		}
		for _, t := range meta.Topics {
			if !isUnknown(t.Err) {
				return false, nil
			}
		}
		return true, nil
	})
}
