// Package evolution judges whether one version of a JSON Schema can follow
// another: whether every value that one allows is allowed by the other. What it
// cannot prove it calls breaking.
//
// It knows the subset of JSON Schema that the event contract is written in and
// follows local references. Any other keyword is fine as long as both versions
// have it, alike, in the same place.
package evolution

import (
	"errors"
	"fmt"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// A Mode says which versions must get on with each other, in the words of the
// schema registries.
type Mode string

// The modes. BACKWARD: readers with the new schema take what was written with
// the one before. FORWARD: readers with the one before take what is written
// with the new. FULL: both. TRANSITIVE: with all versions before.
const (
	None               Mode = "NONE"
	Backward           Mode = "BACKWARD"
	BackwardTransitive Mode = "BACKWARD_TRANSITIVE"
	Forward            Mode = "FORWARD"
	ForwardTransitive  Mode = "FORWARD_TRANSITIVE"
	Full               Mode = "FULL"
	FullTransitive     Mode = "FULL_TRANSITIVE"
)

// Modes lists all modes.
func Modes() []Mode {
	return []Mode{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}
}

// ErrMode is in the chain of an error about a mode that does not exist.
var ErrMode = errors.New("unknown compatibility mode")

// ParseMode reads a mode in the registries' spelling, such as "BACKWARD".
func ParseMode(s string) (Mode, error) {
	for _, m := range Modes() {
		if string(m) == s {
			return m, nil
		}
	}
	return "", fmt.Errorf("%w %q: use one of %v", ErrMode, s, Modes())
}

func (m Mode) backward() bool   { return m != None && m != Forward && m != ForwardTransitive }
func (m Mode) forward() bool    { return m != None && m != Backward && m != BackwardTransitive }
func (m Mode) transitive() bool { return len(m) > len("TRANSITIVE") }

// A Direction says who reads what whom wrote.
type Direction string

// The directions of a Difference.
const (
	NewReadsOld Direction = "new reads old"
	OldReadsNew Direction = "old reads new"
)

// A Difference is one reason why a version cannot follow another.
type Difference struct {
	// Pointer is the JSON pointer of the place in the schemas, of which the
	// reader's may lack it.
	Pointer string `json:"pointer"`
	// Rule names the kind of change, such as "required-added".
	Rule Rule `json:"rule"`
	// Message says what it is about, in one line.
	Message string `json:"message"`
	// Direction says which reader meets values it does not take.
	Direction Direction `json:"direction"`
	// Version is the position, from 0, of the old schema among those given.
	Version int `json:"version"`
}

// String is the pointer, the message, the rule and the direction in one line.
func (d Difference) String() string {
	pointer := d.Pointer
	if pointer == "" {
		pointer = "/"
	}
	return fmt.Sprintf("%s: %s (%s, %s)", pointer, d.Message, d.Rule, d.Direction)
}

// Check returns why next cannot follow the old versions, which begin with the
// first, in a mode; nothing when it can. Without old versions everything can.
// The error is about a schema that cannot be read: it names which.
func Check(mode Mode, old [][]byte, next []byte) ([]Difference, error) {
	if _, err := ParseMode(string(mode)); err != nil {
		return nil, err
	}
	n, err := schema.Parse(next)
	if err != nil {
		return nil, fmt.Errorf("new schema: %w", err)
	}
	from := 0
	if !mode.transitive() && len(old) > 0 {
		from = len(old) - 1
	}
	var list []Difference
	for i := from; i < len(old) && mode != None; i++ {
		o, err := schema.Parse(old[i])
		if err != nil {
			return nil, fmt.Errorf("old schema %d: %w", i+1, err)
		}
		if mode.backward() {
			list = append(list, compare(n, o, NewReadsOld, i)...)
		}
		if mode.forward() {
			list = append(list, compare(o, n, OldReadsNew, i)...)
		}
	}
	return list, nil
}

// A Rollout is an order in which services can move to a new schema.
type Rollout string

// The rollouts. Producers apply the schema closed, consumers open: an unknown
// member does not disturb a reader.
const (
	ConsumersFirst Rollout = "consumers-first"
	ProducersFirst Rollout = "producers-first"
	AnyOrder       Rollout = "any"
)

// A Verdict is what a new version means for services that are already running.
type Verdict struct {
	// ConsumersFirst lists why consumers with the new schema would refuse what
	// producers with the old one send; empty when they can go first.
	ConsumersFirst []Difference `json:"consumers_first"`
	// ProducersFirst lists why consumers with the old schema would refuse what
	// producers with the new one send; empty when those can go first.
	ProducersFirst []Difference `json:"producers_first"`
}

// Allows returns what speaks against a rollout; nothing when it is safe.
func (v Verdict) Allows(r Rollout) ([]Difference, error) {
	switch r {
	case ConsumersFirst:
		return v.ConsumersFirst, nil
	case ProducersFirst:
		return v.ProducersFirst, nil
	case AnyOrder:
		return append(append([]Difference(nil), v.ConsumersFirst...), v.ProducersFirst...), nil
	}
	return nil, fmt.Errorf("unknown rollout %q: use %s, %s or %s", r, ConsumersFirst, ProducersFirst, AnyOrder)
}

// Judge compares two versions as services use them: what producers may send is
// closed, what consumers take is open.
func Judge(old, next []byte) (Verdict, error) {
	o, err := schema.Parse(old)
	if err != nil {
		return Verdict{}, fmt.Errorf("old schema: %w", err)
	}
	n, err := schema.Parse(next)
	if err != nil {
		return Verdict{}, fmt.Errorf("new schema: %w", err)
	}
	return Verdict{
		ConsumersFirst: compare(n.Opened(), o, NewReadsOld, 0),
		ProducersFirst: compare(o.Opened(), n, OldReadsNew, 0),
	}, nil
}

func compare(reader, writer *schema.Schema, d Direction, version int) []Difference {
	c := comparison{direction: d, version: version}
	c.schema(reader.Bare(), writer.Bare(), "")
	return c.found
}
