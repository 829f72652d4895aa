package events

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// Example makes a valid event of the newest version of a type: the same one for
// the same seed, in every run and on every machine. The values vary with the
// seed and look like those of a real system; addresses and domains are those
// reserved for documentation. The error is an *UnknownTypeError, or says that a
// user's schema is beyond what examples can be made for.
func (c *Catalogue) Example(name string, seed uint64) (Event, error) {
	t, err := c.entry(name)
	if err != nil {
		return Event{}, err
	}
	k := t.contracts[len(t.contracts)-1]
	model, err := k.model()
	if err != nil {
		return Event{}, fmt.Errorf("example of %s: %w", name, err)
	}
	const tries = 16
	for try := range uint64(tries) {
		e := newStage(t, seed, try).event(k, model)
		if err = c.Validate(e); err == nil {
			return e, nil
		}
	}
	return Event{}, fmt.Errorf("example of %s: its schema asks for more than examples can be made for: %w", name, err)
}

// A stage is the small world that one example plays in.
type stage struct {
	entry              *entry
	rand               *rand.Rand
	now                time.Time
	tenant, user, peer string
	person             person
	company            company
	changed            []string
}

func newStage(t *entry, seed, try uint64) *stage {
	h := fnv.New64a()
	fmt.Fprint(h, t.Name)
	s := &stage{entry: t, rand: rand.New(rand.NewPCG(seed, h.Sum64()+try))}
	s.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(s.rand.Int64N(330*24*3600*1000)) * time.Millisecond)
	s.tenant, s.user, s.peer = s.id(), s.id(), s.id()
	s.person, s.company = pick(s, people()), pick(s, companies())
	return s
}

func pick[T any](s *stage, list []T) T { return list[s.rand.IntN(len(list))] }

// id is a UUID of version 7 whose time lies within the 90 days before now.
func (s *stage) id() string {
	ms := uint64(s.now.UnixMilli() - s.rand.Int64N(90*24*3600*1000))
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < 16; i++ {
		id[i] = byte(s.rand.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

func (s *stage) event(k *contract, model *schema.Schema) Event {
	g := schema.Generator{Rand: s.rand, Optional: 0.6, Hint: s.hint}
	e := Event{
		ID: s.id(), Type: s.entry.Name, Source: s.source(), Time: s.now,
		DataVersion: k.version.String(), DataContentType: ContentType, TenantID: s.tenant,
		Data: g.Value(model, ""),
	}
	if s.rand.IntN(3) > 0 {
		e.CorrelationID = s.id()
	}
	if e.CorrelationID != "" && s.rand.IntN(2) == 0 {
		e.CausationID = s.id()
	}
	if s.rand.IntN(3) > 0 {
		e.UserID = s.user
	}
	return e
}

func (s *stage) source() string {
	return s.entry.Domain() + "-service"
}

func text(v string) (json.RawMessage, bool) { return encode(v), true }

// encode cannot fail on the values that examples are made of.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// hint offers a likely value for a member by its name.
func (s *stage) hint(name string, m *schema.Schema) (json.RawMessage, bool) {
	if m.Format == "date-time" || m.Format == "date" {
		return s.moment(name, m.Format)
	}
	if v, ok := s.whole(name, m); ok {
		return v, true
	}
	if v, ok := s.reference(name); ok && m.Types.Has(schema.String) {
		return text(v)
	}
	if m.Types.Has(schema.Integer) {
		return s.quantity(name)
	}
	if words := wordsFor(name); len(words) > 0 && m.Types.Has(schema.String) {
		return text(pick(s, words))
	}
	return nil, false
}

// moment places a time before or after the event by what its name says.
func (s *stage) moment(name, format string) (json.RawMessage, bool) {
	at := s.now.Add(-time.Duration(s.rand.IntN(5000)) * time.Millisecond)
	hours := func(n int) time.Time {
		return s.now.Add(time.Duration(1+s.rand.IntN(n)) * time.Hour).Truncate(time.Second)
	}
	month := time.Date(s.now.Year(), s.now.Month(), 1, 0, 0, 0, 0, time.UTC)
	switch name {
	case "periodStart":
		at = month
	case "periodEnd":
		at = month.AddDate(0, 1, 0)
	case "effectiveAt":
		at = month.AddDate(0, s.rand.IntN(2), 0)
	case "dueDate":
		at = s.now.AddDate(0, 0, 14+s.rand.IntN(16))
	case "purgeAfter", "gracePeriodEndsAt", "expiresAt":
		at = hours(24 * 30)
	case "lockedUntil", "nextRetryAt", "scheduledAt":
		at = hours(48)
	case "subscriptionStartDate":
		at = s.now.Truncate(24 * time.Hour)
	}
	if format == "date" {
		return text(at.Format(time.DateOnly))
	}
	return text(formatTime(at))
}
