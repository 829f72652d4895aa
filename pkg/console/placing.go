package console

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// maxUnknownTopics bounds the names remembered because no topic has them.
const maxUnknownTopics = 1000

// accept hands a record to the engine, or rejects it. It returns false when
// the run is to end before the record is taken.
func (p *producing) accept(ctx context.Context, rec *inRecord) bool {
	p.adorn(rec)
	t, err := p.topicOf(ctx, rec)
	if err != nil {
		p.reject(rec, err)
		return !p.over()
	}
	if t == nil {
		p.position-- // it is not taken
		return false
	}
	readKey, read := rec.key, rec.value
	if readKey != nil && p.opts.EncodeKey != nil {
		if rec.key, err = p.opts.EncodeKey(readKey); err != nil {
			err = fmt.Errorf("key: %w", err)
		}
	}
	var part *partition
	if err == nil {
		part, err = p.partitionOf(t, rec)
	}
	if err == nil && read != nil && p.opts.Encode != nil {
		rec.value, err = p.opts.Encode(read)
	}
	if err == nil {
		err = t.check(rec, p.extra)
	}
	if err != nil {
		rec.key, rec.value = readKey, read
		p.reject(rec, err)
		return !p.over()
	}
	if !p.turnCame(ctx, rec) {
		p.position--
		return false
	}
	timestamp := rec.timestamp
	if !p.opts.KeepTimestamp || timestamp == noTime {
		timestamp = p.clock.millis()
	}
	p.engine.add(part, rec, p.extra, timestamp, p.position)
	p.sent++
	p.inTx++
	if p.opts.TransactionSize > 0 && p.inTx >= p.opts.TransactionSize {
		return p.commit(ctx) && p.renew()
	}
	return true
}

// turnCame waits until the rate allows for the record and there is room.
func (p *producing) turnCame(ctx context.Context, rec *inRecord) bool {
	if p.throttle != nil {
		if d := p.throttle.delay(rec.bytes()); d > 0 && !p.waitFor(ctx, d) {
			return false
		}
	}
	return !p.engine.full() || p.waitFor(ctx, 0)
}

// adorn gives the record what every record gets.
func (p *producing) adorn(rec *inRecord) {
	if p.opts.Key != nil {
		rec.key = p.opts.Key
	}
	if p.opts.EmptyIsNull {
		if len(rec.key) == 0 {
			rec.key = nil
		}
		if len(rec.value) == 0 {
			rec.value = nil
		}
	}
}

// topicOf finds the record's topic. Without one and without an error the run
// has failed.
func (p *producing) topicOf(ctx context.Context, rec *inRecord) (*topicInfo, error) {
	if !p.opts.TopicFromRecord || rec.topic == nil {
		if p.main == nil {
			return nil, errors.New("names no topic")
		}
		return p.main, nil
	}
	t, known := p.topics[string(rec.topic)]
	if !known {
		var err error
		t, err = lookupTopic(ctx, p.client, string(rec.topic))
		if err != nil && !isTopicError(err) {
			p.inputErr = err
			return nil, nil
		}
		if err == nil || len(p.topics) < maxUnknownTopics {
			p.topics[string(rec.topic)] = t
		}
	}
	if t == nil {
		return nil, fmt.Errorf("topic %q: %w", rec.topic, kafka.ErrUnknownTopic)
	}
	return t, nil
}

// isTopicError tells an answer about this topic from a failure to ask.
func isTopicError(err error) bool {
	var be *kafka.BrokerError
	return errors.As(err, &be) && !errors.Is(err, kafka.ErrNotPermitted)
}

// partitionOf finds the record's partition.
func (p *producing) partitionOf(t *topicInfo, rec *inRecord) (*partition, error) {
	n := int32(len(t.partitions))
	id := rec.partition
	switch {
	case p.opts.Partition != nil:
		id = *p.opts.Partition
	case p.opts.KeepPartition || p.opts.Partitioner == Manual:
		if id == noPartition {
			return nil, errors.New("names no partition")
		}
	default:
		p.turn++
		if id = p.opts.Partitioner.pick(rec.key, n, p.turn-1); id == sticky {
			return p.stick(t, rec), nil
		}
	}
	if id >= n {
		return nil, fmt.Errorf("partition %d: %s has %d, from 0", id, t.name, n)
	}
	return t.partitions[id], nil
}

// stick gives the partition that takes records without a key: one until its
// batch is full or on its way, then the one with the least to do.
func (p *producing) stick(t *topicInfo, rec *inRecord) *partition {
	if old := t.sticky; old != nil && old.open != nil {
		if size := inBatch(contentSize(rec, p.extra)); old.open.fits(size, old.open.first, min(batchTarget, t.maxBytes)) {
			return old
		}
		p.engine.seal(old)
		p.engine.dispatch(old)
	}
	least := -1
	for range t.partitions {
		t.next = (t.next + 1) % len(t.partitions)
		part := t.partitions[t.next]
		load := len(part.queue)
		if part.busy {
			load++
		}
		if least < 0 || load < least {
			least, t.sticky = load, part
		}
		if load == 0 {
			break
		}
	}
	return t.sticky
}

// check finds what the broker would refuse, so that a stream stops, or the
// reject is written, before anything behind it is sent.
func (t *topicInfo) check(rec *inRecord, extra []rawHeader) error {
	if t.compacted && rec.key == nil {
		return fmt.Errorf("no key, and %s is compacted: every record needs one", t.name)
	}
	if size := asBatch(contentSize(rec, extra)); size > t.maxBytes {
		return fmt.Errorf("%d bytes with its headers, more than %s takes in one record (max.message.bytes is %d)", size, t.name, t.maxBytes)
	}
	return nil
}

// reject deals with a record that was read but is not to be sent.
func (p *producing) reject(rec *inRecord, cause error) {
	if p.rejects == nil {
		p.refuse(p.position, cause)
		return
	}
	topic := p.opts.Topic
	if rec.topic != nil && p.opts.TopicFromRecord {
		topic = string(rec.topic)
	}
	p.rejected(p.position, p.rejects.record(rec, topic, p.place(), cause))
}

// unreadable deals with input that is no record.
func (p *producing) unreadable(cause error) {
	if p.rejects == nil {
		p.refuse(p.position, cause)
		return
	}
	text, whole := p.reader.text()
	p.rejected(p.position, p.rejects.line(text, whole, p.place(), cause))
}

// refusedByBroker deals with a record that was sent and not accepted.
func (p *producing) refusedByBroker(b *batch, i int, cause error) {
	if p.rejects == nil {
		p.refuse(b.lines[i], cause)
		return
	}
	rec := b.sentRecord(i, len(p.extra))
	if p.opts.KeepPartition {
		rec.partition = b.part.id
	}
	p.rejected(b.lines[i], p.rejects.record(rec, b.part.topic.name, p.locate(b.lines[i]), cause))
}

// rejected counts a reject, or ends the run where it could not be written:
// that record is then where to go on.
func (p *producing) rejected(position int64, err error) {
	if err == nil {
		p.failed++
		return
	}
	if p.unwritten == 0 || position < p.unwritten {
		p.unwritten = position
	}
	if p.inputErr == nil {
		p.inputErr = err
	}
}

// refuse ends the run at a record, or at an earlier one.
func (p *producing) refuse(position int64, cause error) {
	p.failed++
	if p.refused != nil && p.refusedAt <= position {
		return
	}
	p.refused = &RecordError{Place: p.locate(position), Err: cause}
	p.refusedAt = position
	p.engine.stopAt(position)
}

// locate turns a position into a place.
func (p *producing) locate(position int64) Place {
	position = max(position, 1)
	i, _ := slices.BinarySearch(p.sources, position)
	at := Place{Unit: p.reader.place().Unit, N: position - p.sources[i-1]}
	switch {
	case p.opts.Feed != nil:
		at.Source = p.opts.Feed.Name
	case p.opts.Template == nil && i-1 < len(p.opts.Sources):
		at.Source = p.opts.Sources[i-1].Name
	}
	return at
}
