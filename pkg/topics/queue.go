package topics

import (
	"context"
	"slices"
)

// sizeQueues gives the dead letter queues among specs, at the indexes which,
// the record size and the partitions that their sources have by now. done
// holds what became of the sources that were created just before.
func (a *Admin) sizeQueues(ctx context.Context, specs []Spec, which []int, done []Creation) ([]Spec, error) {
	sized := slices.Clone(specs)
	var unknown []string
	var waitFor []string
	for _, i := range which {
		name := sized[i].DLQOf
		j := slices.IndexFunc(done, func(d Creation) bool { return d.Name == name })
		if j >= 0 && done[j].Outcome == Created && done[j].maxMessageBytes != "" {
			sized[i] = sized[i].sizedAfter(done[j].Partitions, done[j].maxMessageBytes)
			continue
		}
		if j >= 0 && done[j].Outcome == Created {
			waitFor = append(waitFor, name)
		}
		unknown = append(unknown, name)
	}
	if len(waitFor) > 0 {
		// A broker before 2.4 does not tell a new topic's settings, and one
		// that has not heard of the topic yet cannot be asked.
		if err := a.awaitLeaders(ctx, waitFor); err != nil {
			return nil, err
		}
	}
	states, err := a.states(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, i := range which {
		source := states[sized[i].DLQOf]
		sized[i] = sized[i].sizedAfter(source.Partitions, source.Config[maxMessageBytes].Value)
	}
	return sized, nil
}

// sizedAfter fills what the spec of a dead letter queue leaves to its source.
func (s Spec) sizedAfter(partitions int32, maxBytes string) Spec {
	if s.Partitions == 0 {
		s.Partitions = partitions
	}
	if _, set := s.Config[maxMessageBytes]; set {
		return s
	}
	n, ok := parseInteger(maxBytes, 32)
	if !ok {
		n = defaultMaxMessageBytes
	}
	return s.withConfig(maxMessageBytes, dlqBytes(n))
}
