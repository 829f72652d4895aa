package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrNoBroker is a broker that the cluster does not have, or that is not up.
var ErrNoBroker = errors.New("no such broker")

// BrokerDescription is a broker with its settings.
type BrokerDescription struct {
	kafka.Broker
	// Config is by name: the settings that are not Kafka's defaults, or all.
	Config []Entry `json:"config"`
}

// DescribeBrokers tells the settings of the brokers with these ids, of all without
// one, each as that broker itself knows them. An id that no broker has is
// [ErrNoBroker].
func (a *Admin) DescribeBrokers(ctx context.Context, ids []int32, opts DescribeOptions) ([]BrokerDescription, error) {
	meta, err := a.client.Metadata(ctx, []string{})
	if err != nil {
		return nil, err
	}
	var there []string
	for _, b := range meta.Brokers {
		there = append(there, strconv.Itoa(int(b.ID)))
	}
	list := []BrokerDescription{}
	for _, b := range meta.Brokers {
		if len(ids) == 0 || slices.Contains(ids, b.ID) {
			list = append(list, BrokerDescription{Broker: b})
		}
	}
	for _, id := range ids {
		if !slices.Contains(there, strconv.Itoa(int(id))) {
			return nil, fmt.Errorf("%d: %w; up are %s", id, ErrNoBroker, strings.Join(there, ", "))
		}
	}
	for i := range list {
		entries, err := a.brokerConfig(ctx, list[i].ID)
		if err != nil {
			return nil, fmt.Errorf("broker %d: reading its settings: %w", list[i].ID, err)
		}
		list[i].Config = chosenEntries(entries, opts.AllConfig)
	}
	return list, ctx.Err()
}

// brokerConfig asks the broker itself: the others do not know what is in its file.
func (a *Admin) brokerConfig(ctx context.Context, id int32) (map[string]Entry, error) {
	req := &sarama.DescribeConfigsRequest{Version: 4, Resources: []*sarama.ConfigResource{{Type: sarama.BrokerResource, Name: strconv.Itoa(int(id))}}}
	res, err := request.To(ctx, a.client, id, func(b *sarama.Broker) (*sarama.DescribeConfigsResponse, error) { return b.DescribeConfigs(req) })
	if err != nil {
		return nil, err
	}
	entries := map[string]Entry{}
	for _, r := range res.Resources {
		if err := kafka.NewBrokerError(r.ErrorCode, r.ErrorMsg); err != nil {
			return nil, err
		}
		for _, e := range r.Configs {
			entries[e.Name] = Entry{Name: e.Name, Value: e.Value, Source: sourceOf(e), Sensitive: e.Sensitive, ReadOnly: e.ReadOnly}
		}
	}
	return entries, nil
}
