package dlq

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	maxGroups  = 500 // that are asked
	groupsTime = 3 * time.Second
)

// findGroups finds which consumer groups will see the letters: a replay to a
// topic is one to all of them. What cannot be told is not said.
func (p *Plan) findGroups(ctx context.Context) {
	if !p.opts.Action.sends() || len(p.Targets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, groupsTime)
	defer cancel()
	list, err := groups.New(p.client).List(ctx, groups.ListOptions{Names: true})
	if err != nil {
		return
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		t.Groups = append(t.Groups, readersOf(ctx, p.client, list.Groups[:min(len(list.Groups), maxGroups)], p.targets[t.Topic].topicFacts)...)
		p.warnGroups(t)
	}
}

// warnGroups says who will see letters that they did not fail on.
func (p *Plan) warnGroups(t *PlanTarget) {
	failed := p.failedIn()
	others := slices.DeleteFunc(slices.Clone(t.Groups), func(g string) bool { return slices.Contains(failed, g) })
	if len(others) == 0 {
		return
	}
	for source := range p.retryTopics {
		if source == t.Topic && strings.Contains(source, ".retry.") {
			return // no other group's business
		}
	}
	who := "no letter tells where it failed"
	if len(failed) > 0 {
		who = "only " + strings.Join(failed, ", ") + " failed"
	}
	switch group := p.opts.ForGroup; {
	case group == "":
		consume := "1 group consumes"
		if len(t.Groups) != 1 {
			consume = fmt.Sprintf("%d groups consume", len(t.Groups))
		}
		p.warn("%s %s; %s; these will see the letters again: %s", consume, t.Topic, who, strings.Join(others, ", "))
	default:
		p.warn("%s has no topic %s.retry.%s: the letters go to %s itself, marked for the group; unless they run this module's library, these will see them again: %s",
			t.Topic, t.Topic, group, t.Topic, strings.Join(others, ", "))
	}
}

// failedIn are the groups that selected letters failed in.
func (p *Plan) failedIn() []string {
	if group := p.opts.ForGroup; group != "" && group != ForOriginalGroup {
		return []string{group}
	}
	return p.groups
}

// readersOf are the groups that committed an offset of the topic.
func readersOf(ctx context.Context, c *kafka.Client, all []groups.Group, t *topicFacts) []string {
	const atOnce = 8
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		found []string
	)
	for _, g := range all {
		if g.Type == groups.Share || strings.HasPrefix(g.Name, WatermarkPrefix) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			req := &sarama.OffsetFetchRequest{Version: 1, ConsumerGroup: g.Name}
			for part := range t.partitions {
				req.AddPartition(t.name, part)
			}
			res, err := request.To(ctx, c, g.Coordinator, func(b *sarama.Broker) (*sarama.OffsetFetchResponse, error) { return b.FetchOffset(req) })
			if err != nil {
				return
			}
			for _, block := range res.Blocks[t.name] {
				if block.Err == sarama.ErrNoError && block.Offset >= 0 {
					mu.Lock()
					found = append(found, g.Name)
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(found)
	return found
}
