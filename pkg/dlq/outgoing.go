package dlq

import (
	"context"
	"strconv"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// draft makes what would be sent of a letter that nobody changes.
func (p *Plan) draft(src *kafka.Record, l *Letter) *Outgoing {
	out := &Outgoing{Letter: l, Source: src}
	value := src.Value
	if l.Format == letters.Node {
		// What the service added to the value is not part of the event.
		if clean, _, ok := letters.WithoutError(src.Value); ok {
			value = clean
		}
	}
	out.Record = kafka.Record{Topic: p.targetOf(l), Key: src.Key, Value: value, Headers: p.headers(src, l)}
	return out
}

// fix has drafts changed and checked, many at once. Its error is none of a letter.
func (p *Plan) fix(ctx context.Context, drafts []*Outgoing) error {
	if p.opts.Fix == nil || len(drafts) == 0 {
		return nil
	}
	return p.opts.Fix(ctx, drafts)
}

// finish makes of a draft what is sent, but for the partition and the run's own
// header. The error says why the letter cannot be sent; it is no failure of the
// run.
func (p *Plan) finish(ctx context.Context, out *Outgoing) error {
	if out.Refused != nil {
		return out.Refused
	}
	if p.opts.Transform != nil {
		if err := p.opts.Transform(ctx, out); err != nil {
			return err
		}
	}
	if p.opts.Validate != nil {
		if err := p.opts.Validate(ctx, out); err != nil {
			return err
		}
	}
	if p.opts.Timestamp == TimestampOriginal {
		out.Record.Timestamp = originalTime(out.Source, out.Letter)
	}
	return nil
}

// headers are the letter's own without those of the failure, which would grow
// with each round until no topic takes them, and with those of the replay.
func (p *Plan) headers(src *kafka.Record, l *Letter) []kafka.Header {
	headers := letters.Strip(src.Headers) // a slice of its own, with room
	add := func(name, value string) {
		headers = append(headers, kafka.Header{Name: name, Value: []byte(value)})
	}
	add(letters.HeaderReplayID, letters.ReplayID(*l, src.Key, src.Value))
	add(letters.HeaderReplayCount, strconv.Itoa(l.ReplayCount+1))
	if group := p.groupOf(l); group != "" {
		add(letters.HeaderReplayForGroup, group)
	}
	if l.Origin.Timestamp.IsZero() && !src.Timestamp.IsZero() {
		add(letters.HeaderOriginalTimestamp, strconv.FormatInt(src.Timestamp.UnixMilli(), 10))
	}
	return headers
}

// groupOf is the consumer group that the letter is for, empty for all.
func (p *Plan) groupOf(l *Letter) string {
	if p.opts.ForGroup == ForOriginalGroup {
		return l.Group
	}
	return p.opts.ForGroup
}

// recordSize bounds what a record takes in a batch of its own, by KIP-98's format.
func recordSize(r *kafka.Record) int {
	const batch, fixed, perHeader = 61, 36, 10
	n := batch + fixed + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += perHeader + len(h.Name) + len(h.Value)
	}
	return n
}
