package groups

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// maxSaved bounds a file of offsets, in bytes.
const maxSaved = 64 << 20

// Saved is the committed offsets of a group, kept to restore them.
type Saved struct {
	Cluster string `json:"cluster_id"`
	Group   string `json:"group"`
	// Type is Share for a share group, which begins there, and empty for any other.
	Type    Type          `json:"type,omitempty"`
	At      time.Time     `json:"saved_at"`
	Offsets []SavedOffset `json:"offsets"`
}

// SavedOffset is one of them.
type SavedOffset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Offset is nil where nothing was committed.
	Offset *int64 `json:"offset"`
	// Metadata is what the group wrote beside it.
	Metadata string `json:"metadata,omitempty"`
}

func (o SavedOffset) offset() int64 {
	if o.Offset == nil {
		return -1
	}
	return *o.Offset
}

// Save keeps the offsets of the group as they were, to be restored.
func (d Deletion) Save(cluster string, now time.Time) Saved {
	s := Saved{Cluster: cluster, Group: d.Name, At: now.UTC(), Offsets: []SavedOffset{}}
	if d.Type == Share {
		s.Type = Share
	}
	for _, tp := range sorted(keysOf(d.saved)) {
		c := d.saved[tp]
		s.Offsets = append(s.Offsets, SavedOffset{Topic: tp.Topic, Partition: tp.Partition, Offset: &c.offset, Metadata: c.metadata})
	}
	return s
}

// Save keeps what the group has committed where the plan changes it.
func (r *Reset) Save(cluster string, now time.Time) Saved {
	s := Saved{Cluster: cluster, Group: r.Group, At: now.UTC(), Offsets: []SavedOffset{}}
	if r.share {
		s.Type = Share
	}
	for _, m := range r.Moves {
		if m.Changes() {
			s.Offsets = append(s.Offsets, SavedOffset{Topic: m.Topic, Partition: m.Partition, Offset: m.Current, Metadata: r.before[m.tp()].metadata})
		}
	}
	return s
}

// ReadSaved reads what was saved as JSON. Its errors name the entry that is wrong.
func ReadSaved(r io.Reader) (*Saved, error) {
	limited := &io.LimitedReader{R: r, N: maxSaved + 1}
	read := json.NewDecoder(limited)
	read.DisallowUnknownFields()
	var s Saved
	if err := read.Decode(&s); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("over %d bytes", maxSaved)
		}
		return nil, err
	}
	if _, err := read.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the offsets")
	}
	if s.Group == "" || s.Cluster == "" {
		return nil, errors.New("no group or cluster_id: it was not written by groups reset")
	}
	if s.Type != "" && s.Type != Share {
		return nil, fmt.Errorf("type %q: want none, or %s", s.Type, Share)
	}
	seen := map[kafka.TopicPartition]bool{}
	for i, o := range s.Offsets {
		tp := kafka.TopicPartition{Topic: o.Topic, Partition: o.Partition}
		switch {
		case o.Topic == "" || o.Partition < 0 || o.Offset != nil && *o.Offset < 0:
			return nil, fmt.Errorf("offsets[%d]: %s has no topic, or a negative number", i, tp)
		case seen[tp]:
			return nil, fmt.Errorf("offsets[%d]: %s is there twice", i, tp)
		}
		seen[tp] = true
	}
	return &s, nil
}
