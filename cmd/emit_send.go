package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// feedRecord is an event's record in the form that --cloudevents and --key ask for.
func (e *emission) feedRecord(ctx context.Context, r *events.Record, n int64) (console.FeedRecord, error) {
	var fed console.FeedRecord
	err := e.fill(ctx, &fed, r, n)
	return fed, err
}

// fill is feedRecord into memory that is used again.
func (e *emission) fill(ctx context.Context, fed *console.FeedRecord, r *events.Record, n int64) error {
	fed.N, fed.Topic, fed.Key, fed.Value, fed.Err = n, r.Topic, r.Key, r.Value, nil
	fed.Headers = fed.Headers[:0]
	if e.given("key") {
		fed.Key = []byte(e.key)
	}
	if e.cloudEvents == "" {
		for _, h := range r.Headers {
			fed.Headers = append(fed.Headers, kafka.Header(h))
		}
		return nil
	}
	event, err := events.Parse(r.Value)
	if err != nil {
		return err
	}
	c := events.ToCloudEvent(event, string(fed.Key))
	if e.cloudEvents == cloudBinary {
		var headers []events.Header
		fed.Value, headers = c.Binary()
		for _, h := range headers {
			fed.Headers = append(fed.Headers, kafka.Header(h))
		}
		if e.registered != nil {
			fed.Value, err = e.registered.frame(ctx, &event)
		}
		return err
	}
	fed.Value = c.Structured()
	for _, h := range r.Headers {
		if h.Name == events.HeaderContentType {
			h.Value = []byte(events.CloudEventsContentType)
		}
		fed.Headers = append(fed.Headers, kafka.Header(h))
	}
	return nil
}

// idOf finds the event's id among the headers of its record.
func idOf(header func(name string) []byte) string {
	if id := header(events.HeaderID); id != nil {
		return string(id)
	}
	return string(header("ce_id"))
}

// sentEvent is what emit-event says of one event.
type sentEvent struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Topic     string `json:"topic"`
	Key       string `json:"key"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// dryEvent is what emit-event says of one event that it did not send.
type dryEvent struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Topic string `json:"topic"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// showDry prints the event that would be sent.
func (e *emission) showDry(r *events.Record, fed console.FeedRecord) error {
	row := dryEvent{string(r.Header(events.HeaderID)), string(r.Header(events.HeaderType)), fed.Topic, string(fed.Key), string(fed.Value)}
	e.app.print.status("would send %s to %s with key %s", row.Type, row.Topic, row.Key)
	if e.app.print.format == formatName {
		_, err := fmt.Fprintln(e.app.out, row.ID)
		return err
	}
	return printValue(e.app.print, row, func() error {
		_, err := e.app.out.Write(append(fed.Value, '\n'))
		return err
	})
}

func (e *emission) sendOne(ctx context.Context, r *events.Record, fed console.FeedRecord) error {
	row := sentEvent{ID: string(r.Header(events.HeaderID)), Type: string(r.Header(events.HeaderType)), Topic: fed.Topic, Key: string(fed.Key)}
	feed := &console.Feed{Unit: "event", Run: func(_ context.Context, send func([]console.FeedRecord) error) error {
		return send([]console.FeedRecord{fed})
	}}
	opts := console.ProduceOptions{Feed: feed, Rate: e.bound, Delivered: func(d console.Delivered) { row.Partition, row.Offset = d.Partition, d.Offset }}
	_, err := e.produce(ctx, opts, []string{fed.Topic})
	if err != nil {
		var refused *console.RecordError
		if errors.As(err, &refused) {
			return fmt.Errorf("%s: %w", row.Type, refused.Err)
		}
		return err
	}
	if e.random {
		e.app.print.status("seed %d", e.seed)
	}
	e.app.print.status("sent %s to %s, partition %d, offset %d", row.Type, row.Topic, row.Partition, row.Offset)
	return printValue(e.app.print, row, func() error {
		_, err := fmt.Fprintln(e.app.out, row.ID)
		return err
	})
}

// produce connects, makes sure that the topics are there, and sends.
func (e *emission) produce(ctx context.Context, opts console.ProduceOptions, names []string) (console.ProduceResult, error) {
	// The connection outlives an interrupt for the moment that Produce takes
	// to send what was read.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	connected := context.AfterFunc(ctx, func() { end(ctx.Err()) })
	c, err := e.app.openForChange(life)
	if err != nil {
		return console.ProduceResult{}, err
	}
	defer c.Close()
	if !connected() {
		return console.ProduceResult{}, ctx.Err()
	}
	if err := e.findTopics(ctx, c, names); err != nil {
		return console.ProduceResult{}, err
	}
	opts.Notice = e.app.print.status1
	return console.Produce(ctx, c, opts)
}

// findTopics refuses to begin when a topic that is needed is not there.
func (e *emission) findTopics(ctx context.Context, c *kafka.Client, names []string) error {
	if len(names) == 0 {
		return nil
	}
	meta, err := c.Metadata(ctx, names)
	if err != nil {
		return err
	}
	var missing []string
	for _, t := range meta.Topics {
		switch {
		case errors.Is(t.Err, kafka.ErrUnknownTopic):
			missing = append(missing, t.Name)
		case t.Err != nil:
			return fmt.Errorf("%s: %w", t.Name, t.Err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return withHint(fmt.Errorf("%s: %w; nothing was sent", strings.Join(missing, ", "), kafka.ErrUnknownTopic), "%s", makeTopics(missing))
}

// makeTopics says how topics are made: those of the catalogue have settings there,
// those of the user's own types do not.
func makeTopics(missing []string) string {
	catalogue := map[string]bool{}
	for _, spec := range topics.Catalogue() {
		catalogue[spec.Name] = true
	}
	var own, hints []string
	for _, name := range missing {
		if !catalogue[name] {
			own = append(own, shellWord(name))
		}
	}
	if len(own) < len(missing) {
		hints = append(hints, "make the product's topics with: manage-kafka create-topic --catalogue --if-not-exists")
	}
	if len(own) > 0 {
		hints = append(hints, "make your own with: manage-kafka create-topic "+strings.Join(own, " "))
	}
	return strings.Join(hints, "; ")
}

// sendMany sends the records of a feed and prints the ids that the broker has.
func (e *emission) sendMany(ctx context.Context, feed *console.Feed, topics []string, rejected func(console.Rejected) error) error {
	ids := &idPrinter{out: bufio.NewWriter(e.app.out), last: time.Now()}
	p := e.app.print
	opts := console.ProduceOptions{Feed: feed, Rate: e.bound, Rejected: rejected}
	if p.format == formatName || p.format == formatTable && !p.outTTY {
		opts.Delivered = ids.delivered
	}
	res, err := e.produce(ctx, opts, topics)
	if res.Offsets == nil { // it did not begin
		return err
	}
	printErr := ids.flush()
	e.say(res)
	if p.format == formatJSON || p.format == formatYAML {
		printErr = printValue(p, res, nil)
	}
	if err = e.explainSent(res, err); err == nil {
		err = printErr
	}
	return err
}

// say tells how many events went where.
func (e *emission) say(res console.ProduceResult) {
	topics := map[string]bool{}
	for _, w := range res.Offsets {
		topics[w.Topic] = true
	}
	line := "sent " + plural(res.Acked, "event")
	if res.Acked > 0 {
		line += fmt.Sprintf(" (%s) to %s", byteSize(res.Bytes), strings.Join(slices.Sorted(maps.Keys(topics)), ", "))
	}
	e.app.print.status("%s in %s", line, shortSeconds(res.Seconds))
}

// explainSent gives the error of a run its exit code and its next step.
func (e *emission) explainSent(res console.ProduceResult, err error) error {
	if err == nil {
		if res.Failed > 0 {
			return withHint(withCode(fmt.Errorf("%s not sent, see %s", plural(res.Failed, "line"), e.rejects), exitPartly),
				"mend them there and send them with: manage-kafka emit-event --file %s", shellWord(e.rejects))
		}
		return nil
	}
	var refused *console.RecordError
	if errors.As(err, &refused) {
		return withHint(withCode(fmt.Errorf("%w; %s sent before", err, plural(res.Acked, "event")), exitPartly),
			"go on with %v, or leave such lines out with: --on-error skip --rejects FILE", refused.Place)
	}
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || cut.Resume.N == 0 {
		return err
	}
	if e.example {
		if e.name == "" {
			return err
		}
		sent := cut.Resume.N - 1
		return withHint(err, "the others: --seed %d --count %d", e.seed+uint64(sent), e.count-sent)
	}
	hint := fmt.Sprintf("go on with %v", cut.Resume)
	if cut.Unsure > 0 {
		hint += "; some events from there on may already be sent, under the same id where the input gives one"
	}
	return withHint(err, "%s", hint)
}

// idPrinter prints the id of each event that the broker has. When nobody reads
// them any more the events still go out.
type idPrinter struct {
	out  *bufio.Writer
	last time.Time
	err  error
}

func (p *idPrinter) delivered(d console.Delivered) {
	if p.err != nil {
		return
	}
	_, p.err = p.out.WriteString(idOf(d.Header) + "\n")
	if now := time.Now(); p.err == nil && now.Sub(p.last) > 100*time.Millisecond {
		p.last = now
		p.err = p.out.Flush()
	}
}

func (p *idPrinter) flush() error {
	if p.err != nil {
		return p.err
	}
	return p.out.Flush()
}
