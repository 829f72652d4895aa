package embedded

import (
	"encoding/base64"
	"fmt"
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// trimmer records, before records are removed from the start of a partition,
// where the partition then begins and how far it had come: kfake writes that
// down only when it stops cleanly.
type trimmer struct {
	cluster *kfake.Cluster
	files   clusterFiles
	log     *brokerLog

	mu    sync.Mutex
	marks marks
}

func newTrimmer(cluster *kfake.Cluster, dir string, log *brokerLog) *trimmer {
	t := &trimmer{cluster: cluster, files: clusterFiles(dir), log: log}
	m, err := t.files.readMarks()
	if err != nil {
		log.fail(err)
	}
	t.marks = m
	return t
}

// beforeDelete sees each DeleteRecords request before kfake handles it.
func (t *trimmer) beforeDelete(req kmsg.Request) (kmsg.Response, error, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := false
	for _, topic := range req.(*kmsg.DeleteRecordsRequest).Topics {
		info := t.cluster.TopicInfo(topic.Topic)
		if info == nil {
			continue
		}
		id := base64.StdEncoding.EncodeToString(info.TopicID[:])
		for _, p := range topic.Partitions {
			part := t.cluster.PartitionInfo(topic.Topic, p.Partition)
			if part == nil {
				continue
			}
			start := p.Offset
			if start < 0 {
				start = part.HighWatermark
			}
			if start > part.LogStartOffset && start <= part.HighWatermark {
				t.marks[markKey(id, p.Partition)] = mark{LogStart: start, HighWatermark: part.HighWatermark}
				changed = true
			}
		}
	}
	if changed {
		t.write()
	}
	return nil, nil, false
}

// applyRetention removes what topics may lose by their retention settings.
// kfake by itself looks only at topics with a setting of their own, and only
// when it compacts.
func (t *trimmer) applyRetention() {
	t.record() // high watermarks, should a partition end up empty
	t.cluster.ApplyRetention()
	t.record() // where they begin now
}

// record brings the marks up to date with every partition.
func (t *trimmer) record() {
	topics, err := t.files.topics()
	if err != nil {
		t.log.fail(err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := marks{}
	for _, topic := range topics {
		for _, p := range t.cluster.PartitionInfos(topic.Name) {
			if p.HighWatermark > 0 {
				now[markKey(topic.ID, p.Partition)] = mark{LogStart: p.LogStartOffset, HighWatermark: p.HighWatermark}
			}
		}
	}
	if !maps.Equal(now, t.marks) {
		t.marks = now
		t.write()
	}
}

func (t *trimmer) write() {
	if err := writeJSON(t.files.marksFile(), t.marks); err != nil {
		t.log.fail(fmt.Errorf("recording where partitions begin: %w", err))
	}
}
