package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// emission is one run of emit-event.
type emission struct {
	*emitFlags
	app        *app
	catalogue  *events.Catalogue
	validator  *events.Validator
	completion events.Completion
	registered *registered
}

func newEmission(ctx context.Context, a *app, f *emitFlags) (*emission, error) {
	var own []events.UserType
	if f.schema != "" {
		body, err := readBounded(ctx, f.schema)
		if err != nil {
			return nil, usagef("--schema %w", err)
		}
		own = append(own, events.UserType{Name: f.name, Topic: f.topic, Schema: body, File: f.schema})
	}
	c, err := a.catalogue(own...)
	if err != nil {
		return nil, err
	}
	if _, err := c.Lookup(f.name); err != nil && f.name != "" && f.topic == "" {
		return nil, explainType(err)
	}
	if f.source == "" {
		f.source = ownSource()
	}
	e := &emission{emitFlags: f, app: a, catalogue: c, validator: c.Validator(events.ValidatorOptions{Topic: f.topic})}
	e.completion = events.Completion{
		Catalogue: c, Source: f.source, Type: f.name,
		TenantID: f.tenant, UserID: f.user, CorrelationID: f.correlation, CausationID: f.causation,
	}
	if f.id != "" {
		e.completion.NewID = func() (string, error) { return f.id, nil }
	}
	if f.time != "" {
		e.completion.Now = func() time.Time { return f.at }
	}
	if f.example && !f.given("seed") {
		f.seed, f.random = randomSeed(), true
	}
	e.registered, err = a.openRegistered(f.registry, c)
	return e, err
}

// ownSource is the source of events that say nothing else.
func ownSource() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return "manage-kafka@" + host
}

// one sends one event.
func (e *emission) one(ctx context.Context) error {
	raw, err := e.event(ctx, 0)
	if err != nil {
		return err
	}
	var r events.Record
	if err := e.validator.Record(raw, &r); err != nil {
		return e.explainInvalid(err)
	}
	if err := e.registered.check(ctx, r.Value); err != nil {
		return e.explainInvalid(err)
	}
	record, err := e.feedRecord(ctx, &r, 1)
	if err != nil {
		return err
	}
	if e.dryRun {
		return e.showDry(&r, record)
	}
	return e.sendOne(ctx, &r, record)
}

func (e *emission) explainInvalid(err error) error {
	if !errors.Is(err, events.ErrInvalid) {
		return explainType(err)
	}
	name := e.name
	if name == "" {
		name = "the event"
	}
	hint := "see what belongs into it with: manage-kafka events list"
	if e.name != "" {
		hint = "see what belongs into it with: manage-kafka events show " + e.name
	}
	return withHint(usagef("%s is invalid, nothing was sent:\n%w", name, err), "%s", hint)
}

// event makes the nth event of the command line, from 0.
func (e *emission) event(ctx context.Context, n uint64) ([]byte, error) {
	switch {
	case e.example:
		return e.made(n)
	case e.data != "":
		return e.fromData(ctx)
	}
	payload, err := e.changed(json.RawMessage("{}"), e.name)
	if err != nil {
		return nil, err
	}
	return e.completion.Complete(append(append([]byte(`{"data":`), payload...), '}'))
}

// made is an example with what the flags say of it.
func (e *emission) made(n uint64) ([]byte, error) {
	name := e.name
	if name == "" {
		types := e.catalogue.Types()
		name = types[n%uint64(len(types))].Name
	}
	event, err := e.catalogue.Example(name, e.seed+n)
	if err != nil {
		return nil, explainType(err)
	}
	for _, member := range []struct {
		flag string
		at   *string
		text string
	}{
		{"id", &event.ID, e.id}, {"source", &event.Source, e.source}, {"tenant", &event.TenantID, e.tenant}, {"user", &event.UserID, e.user},
		{"correlation-id", &event.CorrelationID, e.correlation}, {"causation-id", &event.CausationID, e.causation},
	} {
		if e.given(member.flag) {
			*member.at = member.text
		}
	}
	if e.time != "" {
		event.Time = e.at
	}
	if event.Data, err = e.changed(event.Data, name); err != nil {
		return nil, err
	}
	return event.Encode(), nil
}

// fromData is the event of --data.
func (e *emission) fromData(ctx context.Context) ([]byte, error) {
	raw, err := e.readData(ctx)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return nil, usagef("--data is empty")
	}
	if e.name == "" || e.isEvent(raw) {
		if len(e.set) > 0 {
			if raw, err = e.changedEvent(raw); err != nil {
				return nil, err
			}
		}
		whole, err := e.completion.Complete(raw)
		if err == nil {
			err = e.unusedFlags(raw, bytes.Equal(whole, raw))
		}
		return whole, err
	}
	payload, err := e.changed(raw, e.name)
	if err != nil {
		return nil, err
	}
	if !json.Valid(payload) {
		var r events.Record
		return nil, e.explainInvalid(e.validator.Record(payload, &r))
	}
	return e.completion.Complete(append(append([]byte(`{"data":`), payload...), '}'))
}

// isEvent tells an event of the type from a payload of it.
func (e *emission) isEvent(raw []byte) bool {
	var head struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(raw, &head) != nil || head.Type == "" || head.Data == nil {
		return false
	}
	members, err := e.catalogue.Members(e.name)
	return err != nil || !slices.ContainsFunc(members, func(m events.DataMember) bool { return m.Path == "data" })
}

// unusedFlags refuses flags that would say nothing: an envelope is sent as it is,
// and what an event to be completed says of itself stays.
func (e *emission) unusedFlags(raw []byte, envelope bool) error {
	var head struct {
		Type        string  `json:"type"`
		Tenant      *string `json:"tenantId"`
		User        *string `json:"userId"`
		Correlation *string `json:"correlationId"`
		Causation   *string `json:"causationId"`
	}
	if json.Unmarshal(raw, &head) != nil {
		return nil // the validator explains it
	}
	for _, member := range []struct {
		flag, name string
		value      *string
	}{
		{"tenant", "tenantId", head.Tenant}, {"user", "userId", head.User}, {"correlation-id", "correlationId", head.Correlation},
		{"causation-id", "causationId", head.Causation}, {"source", "", nil}, {"id", "", nil}, {"time", "", nil},
	} {
		switch {
		case !e.given(member.flag):
		case envelope:
			return usagef("--%s: the event of --data is an envelope, which is sent as it is", member.flag)
		case member.value != nil && *member.value != e.text(member.flag):
			return usagef("--%s: the event of --data has the %s %q", member.flag, member.name, *member.value)
		}
	}
	if e.name != "" && head.Type != "" && head.Type != e.name {
		return usagef("--data: its type is %q, not %s", head.Type, e.name)
	}
	return nil
}

// readData reads what --data names.
func (e *emission) readData(ctx context.Context) ([]byte, error) {
	name, isFile := strings.CutPrefix(e.data, "@")
	switch {
	case e.data == "-":
		body, err := io.ReadAll(io.LimitReader(readUntil(ctx, e.app.in), events.MaxLine+1))
		if err == nil && len(body) > events.MaxLine {
			err = usagef("--data -: longer than %s", byteSize(events.MaxLine))
		}
		return body, err
	case !isFile:
		return []byte(e.data), nil
	}
	body, err := readBounded(ctx, name)
	switch {
	case err != nil:
		return nil, usagef("--data %w", err)
	case len(body) > events.MaxLine:
		return nil, usagef("--data %s: larger than %s", e.data, byteSize(events.MaxLine))
	}
	return body, nil
}

// examples sends --count examples.
func (e *emission) examples(ctx context.Context) error {
	if e.random {
		e.app.print.status("seed %d", e.seed)
	}
	make1 := func(n int64, r *events.Record) (console.FeedRecord, error) {
		raw, err := e.event(ctx, uint64(n-1))
		if err == nil {
			if err = e.validator.Record(raw, r); err == nil {
				err = e.registered.check(ctx, r.Value)
			}
			if err != nil {
				err = fmt.Errorf("example %d of seed %d: %w", n, e.seed, e.explainInvalid(err))
			}
		}
		if err != nil {
			return console.FeedRecord{}, err
		}
		return e.feedRecord(ctx, r, n)
	}
	if e.dryRun {
		for n := int64(1); n <= e.count && ctx.Err() == nil; n++ {
			var r events.Record
			record, err := make1(n, &r)
			if err != nil {
				return err
			}
			if err := e.showDry(&r, record); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	// The first says whether the flags make a valid event.
	if _, err := make1(1, &events.Record{}); err != nil {
		return err
	}
	feed := &console.Feed{Unit: "record", Run: func(ctx context.Context, send func([]console.FeedRecord) error) error {
		var run [1]console.FeedRecord
		for n := int64(1); n <= e.count && ctx.Err() == nil; n++ {
			var err error
			if run[0], err = make1(n, &events.Record{}); err != nil {
				return err
			}
			if err := send(run[:]); err != nil {
				return err
			}
		}
		return ctx.Err()
	}}
	return e.sendMany(ctx, feed, nil, nil)
}
