package topics

import (
	"context"
	"slices"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ListOptions says which topics to list and what to find out about them.
type ListOptions struct {
	// Patterns are names and globs, see [Match]; none lists every topic.
	Patterns []string
	// Internal lists the cluster's own topics as well.
	Internal bool
	// Spare are topics that no glob selects; their exact names do.
	Spare []string
	// Records counts records, which costs two requests to every leader.
	Records bool
	// Sizes sums bytes on disk, which costs a request to every broker.
	Sizes bool
	// Most leaves Records and Sizes out when more topics are selected; 0 is no limit.
	Most int
}

// Listing is an answer of [Admin.List].
type Listing struct {
	Topics []Topic  // by name
	Missed []string // the patterns that selected nothing
	Spared []string // the topics of Spare that a glob would have selected, and that no name did
	// Brief tells that Records and Sizes were left out because of Most.
	Brief bool
}

// Topic is one row of a listing. The pointers are nil where it was not asked
// for or no broker told.
type Topic struct {
	Name        string `json:"name"`
	ID          string `json:"id,omitempty"`
	Internal    bool   `json:"internal,omitempty"`
	Partitions  int    `json:"partitions"`
	Replication int16  `json:"replication"`
	// UnderReplicated is how many partitions have replicas that are not in sync.
	UnderReplicated int `json:"under_replicated,omitempty"`
	// Records is the sum of end minus start offsets: what compaction removed
	// and the markers of transactions count.
	Records *int64 `json:"records,omitempty"`
	// SizeBytes is the size on disk over all replicas.
	SizeBytes *int64 `json:"size_bytes,omitempty"`
	// DLQPending is the number of records in the topic's dead letter queue, nil
	// without one. Which of them were replayed is not known here.
	DLQPending *int64 `json:"dlq_pending,omitempty"`
	// Error is why the cluster told nothing, or too little, about the topic.
	Error string `json:"error,omitempty"`
}

// List tells about the selected topics. Names, partitions and replicas come
// from a single Metadata request. A topic that the cluster cannot tell all
// about is listed with its Error; that is no error of the listing.
func (a *Admin) List(ctx context.Context, opts ListOptions) (Listing, error) {
	m, err := newMatcher(opts.Patterns, opts.Internal)
	if err != nil {
		return Listing{}, err
	}
	m.spare = opts.Spare
	meta, err := a.client.Metadata(ctx, withQueues(m.names(), opts.Records))
	if err != nil {
		return Listing{}, err
	}
	list := Listing{Topics: rows(m.choose(meta)), Missed: m.missed(), Spared: m.spared}
	if opts.Most > 0 && len(list.Topics) > opts.Most {
		list.Brief = opts.Records || opts.Sizes
		return list, nil
	}
	var sizes map[kafka.TopicPartition]int64
	sized := make(chan struct{})
	go func() {
		defer close(sized)
		if opts.Sizes {
			sizes = a.sizes(ctx, meta, nil)
		}
	}()
	if opts.Records {
		err = a.countRecords(ctx, meta, list.Topics)
	}
	<-sized
	if err != nil {
		return Listing{}, err
	}
	for i := range list.Topics {
		list.Topics[i].SizeBytes = sumSizes(sizes, list.Topics[i])
	}
	return list, ctx.Err()
}

func rows(chosen []kafka.TopicMetadata) []Topic {
	var list []Topic
	for _, t := range chosen {
		row := Topic{Name: t.Name, ID: t.ID, Internal: t.Internal, Partitions: len(t.Partitions), Replication: replication(t)}
		for _, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) {
				row.UnderReplicated++
			}
		}
		if t.Err != nil {
			row.Error = t.Err.Error()
		}
		list = append(list, row)
	}
	return list
}

// choose gives the topics of meta that the matcher wants and the cluster has.
func (m *matcher) choose(meta kafka.Metadata) []kafka.TopicMetadata {
	var chosen []kafka.TopicMetadata
	for _, t := range meta.Topics {
		if t.Err != nil && len(t.Partitions) == 0 && isUnknown(t.Err) {
			continue
		}
		if m.wants(t.Name, t.Internal) {
			chosen = append(chosen, t)
		}
	}
	return chosen
}

// withQueues adds the dead letter queues of the named topics. A name that is
// too long to have one is left alone.
func withQueues(names []string, queues bool) []string {
	if !queues || names == nil {
		return names
	}
	all := slices.Clone(names)
	for _, name := range names {
		if queue := name + DLQSuffix; len(queue) <= MaxNameLength && !slices.Contains(all, queue) {
			all = append(all, queue)
		}
	}
	return all
}

// countRecords fills Records and DLQPending of the rows.
func (a *Admin) countRecords(ctx context.Context, meta kafka.Metadata, rows []Topic) error {
	wanted := make(map[string]bool, 2*len(rows))
	for _, r := range rows {
		wanted[r.Name], wanted[r.Name+DLQSuffix] = true, true
	}
	some := kafka.Metadata{Brokers: meta.Brokers}
	for _, t := range meta.Topics {
		if wanted[t.Name] {
			some.Topics = append(some.Topics, t)
		}
	}
	bounds, err := a.bounds(ctx, some)
	if err != nil {
		return err
	}
	counts := make(map[string]int64, len(some.Topics))
	broken := make(map[string]error)
	for _, t := range some.Topics {
		n, err := bounds.records(t)
		if err != nil {
			broken[t.Name] = err
			continue
		}
		counts[t.Name] = n
	}
	for i := range rows {
		r := &rows[i]
		if n, ok := counts[r.Name]; ok && r.Error == "" {
			r.Records = &n
		}
		if err := broken[r.Name]; err != nil && r.Error == "" {
			r.Error = err.Error()
		}
		if n, ok := counts[r.Name+DLQSuffix]; ok {
			r.DLQPending = &n
		}
	}
	return nil
}
