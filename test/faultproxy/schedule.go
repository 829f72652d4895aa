package faultproxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Plan bounds a random schedule.
type Plan struct {
	Keys   []int16 // which requests and answers are broken; nil is those of transactions
	Client string  // whose; "" anybody's
	Match  func(Frame) bool
	Faults int           // how many; 0 is 8
	Within int           // the occurrences of each key among which they fall; 0 is 20
	Late   time.Duration // the longest that a request is held or delayed; 0 is 300 ms
}

// Schedule adds rules at random. The same seed and plan give the same rules;
// what they hit depends on the client.
func (p *Proxy) Schedule(seed uint64, plan Plan) Schedule {
	if plan.Keys == nil {
		plan.Keys = []int16{Produce, InitProducerID, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit}
	}
	if plan.Faults == 0 {
		plan.Faults = 8
	}
	if plan.Within == 0 {
		plan.Within = 20
	}
	if plan.Late == 0 {
		plan.Late = 300 * time.Millisecond
	}
	r := rand.New(rand.NewPCG(seed, 0))
	s := Schedule{Seed: seed}
	for range plan.Faults {
		rule := Rule{
			Key: plan.Keys[r.IntN(len(plan.Keys))], Client: plan.Client, Match: plan.Match,
			Nth: 1 + r.IntN(plan.Within), Answer: r.IntN(3) == 0, Silent: r.IntN(3) == 0,
		}
		span := 1 + time.Duration(r.Int64N(int64(plan.Late)))
		if rule.Answer {
			rule.Do = []Action{Drop, Delay}[r.IntN(2)]
		} else {
			rule.Do = []Action{Hold, Hold, Drop, Delay}[r.IntN(4)]
		}
		if rule.Do != Drop {
			rule.For = span
		}
		s.Faults = append(s.Faults, p.Add(rule))
	}
	return s
}

// Schedule is the faults of one seed.
type Schedule struct {
	Seed   uint64
	Faults []*Fault
}

// Hits tells how many of the faults have hit something.
func (s Schedule) Hits() int {
	n := 0
	for _, f := range s.Faults {
		if f.WasHit() {
			n++
		}
	}
	return n
}

// String lists the seed and the faults that have hit, for a test's log.
func (s Schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d:", s.Seed)
	for _, f := range s.Faults {
		if f.WasHit() {
			fmt.Fprintf(&b, " [%v]", f.Rule)
		}
	}
	return b.String()
}
