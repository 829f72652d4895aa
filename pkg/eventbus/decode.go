package eventbus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// errTombstone is a record without a value.
var errTombstone = errors.New("the value is null")

// forOthers tells a record that was replayed for another group alone.
func (s *subscription) forOthers(m *sarama.ConsumerMessage) bool {
	for _, h := range m.Headers {
		if string(h.Key) == letters.HeaderReplayForGroup {
			return string(h.Value) != s.opts.Group
		}
	}
	return false
}

// decode reads a record's event. An event that cannot be handed to a handler
// gives a verdict instead.
func (s *subscription) decode(m *sarama.ConsumerMessage, e *events.Event) (v verdict, ok bool) {
	if m.Value == nil {
		if s.opts.OnTombstone == DeliverTombstone {
			return verdict{}, true
		}
		return verdict{err: errTombstone, class: ClassTombstone, letter: true}, false
	}
	var err error
	if *e, err = events.Parse(m.Value); err != nil {
		return verdict{err: err, class: ClassUndecodable, letter: true}, false
	}
	if err := s.knownMajor(e); err != nil {
		halt := s.opts.OnUnknownMajor == HaltUnknownMajor
		return verdict{err: err, class: ClassUnknownMajor, letter: !halt, halt: halt, kind: e.Type}, false
	}
	return verdict{}, true
}

// knownMajor reports a type whose major version the catalogue does not have.
// Types that it does not know at all are fine.
func (s *subscription) knownMajor(e *events.Event) error {
	known := s.bus.catalogue.Majors(e.Type)
	if len(known) == 0 {
		return nil
	}
	version, err := events.ParseVersion(e.DataVersion)
	if err != nil || slices.Contains(known, version.Major) {
		return err
	}
	return &events.UnknownMajorError{Type: e.Type, Version: e.DataVersion, Known: known}
}

// record is what a handler gets of the message.
func (s *subscription) record(m *sarama.ConsumerMessage, tries int) Record {
	return Record{Record: recordOf(m), Attempt: tries + 1, Group: s.opts.Group}
}

// attempt numbers the try of the record that the worker is at.
func (w *worker) attempt() int {
	if w.at == 0 {
		return w.tries
	}
	return 0
}

// eventInvoker calls a handler of events.
func (s *subscription) eventInvoker(h Handler) func(w *worker, m *sarama.ConsumerMessage) verdict {
	return func(w *worker, m *sarama.ConsumerMessage) verdict {
		if s.forOthers(m) {
			return verdict{skip: true}
		}
		e := new(events.Event)
		if v, ok := s.decode(m, e); !ok {
			return v
		}
		ctx := context.WithValue(w.call.Context, parentKey{}, e)
		return judge(h(ctx, *e, s.record(m, w.attempt())), e.Type)
	}
}

// recordInvoker calls a handler of records.
func (s *subscription) recordInvoker(h RecordHandler) func(w *worker, m *sarama.ConsumerMessage) verdict {
	return func(w *worker, m *sarama.ConsumerMessage) verdict {
		if len(m.Headers) > 0 && s.forOthers(m) {
			return verdict{skip: true}
		}
		return judge(h(w.call.Context, s.record(m, w.attempt())), "")
	}
}

// batchInvoker calls a handler of batches, for the records before the first
// one that it cannot be given.
func (s *subscription) batchInvoker(h BatchHandler) batchFunc {
	return func(w *worker, run []*sarama.ConsumerMessage) (verdict, int) {
		batch := make([]Delivery, 0, len(run))
		for i, m := range run {
			var d Delivery
			v, ok := verdict{skip: true}, false
			if !s.forOthers(m) {
				v, ok = s.decode(m, &d.Event)
			}
			if !ok && i == 0 {
				return v, 1
			}
			if !ok {
				break
			}
			d.Record = s.record(m, 0)
			if i == 0 {
				d.Record.Attempt += w.tries
			}
			batch = append(batch, d)
		}
		v := judge(h(w.call.Context, batch), "")
		if v.err != nil && len(batch) == 1 {
			v.kind = batch[0].Event.Type
		}
		return v, len(batch)
	}
}

// letterInvoker calls a handler of dead letters.
func (s *subscription) letterInvoker(h LetterHandler) func(w *worker, m *sarama.ConsumerMessage) verdict {
	return func(w *worker, m *sarama.ConsumerMessage) verdict {
		l := letterOf(s.record(m, w.attempt()))
		ctx := w.call.Context
		if l.Undecodable == nil {
			ctx = context.WithValue(ctx, parentKey{}, &l.Event)
		}
		return judge(h(ctx, l), l.Event.Type)
	}
}

// letterOf reads a dead letter.
func letterOf(r Record) Letter {
	read := letters.Read(r.Record)
	l := Letter{
		Record: r, Value: r.Value, Group: read.Group, Class: read.RootClass(), Error: read.Message, Attempts: read.Attempts,
		FirstFailed: read.FirstFailedAt, Failed: read.FailedAt, Reason: read.Reason, Failure: read.Fingerprint(), ReplayCount: read.ReplayCount,
		Origin: Origin{
			Topic: read.Origin.Topic, Partition: read.Origin.Partition, Offset: read.Origin.Offset, Timestamp: read.Origin.Timestamp,
		},
	}
	if clean, _, ok := letters.WithoutError(r.Value); ok {
		l.Value = clean
	}
	if l.Value == nil {
		l.Undecodable = errTombstone
		return l
	}
	var err error
	if l.Event, err = events.Parse(l.Value); err != nil {
		l.Undecodable = fmt.Errorf("letter: %w", err)
	}
	return l
}
