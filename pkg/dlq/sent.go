package dlq

import "time"

// sent is one letter that a chunk of the ledger sent.
type sent struct {
	part   int32
	offset int64
	run    string
	seq    int64
	action Action
	op     string
	at     time.Time
	topic  string
	to     int32 // -1 unknown
	toAt   int64 // -1 unknown
}

// sentBy lists the letters that a run sent, with the places that the ledger
// tells, in the order of the ledger. The ledger has to be read with its detail.
func (q *QueueState) sentBy(run string) []sent {
	places := q.places(run)
	var list []sent
	for i := range q.chunks {
		c := &q.chunks[i]
		if c.key.run == run && c.record.Action.sends() {
			list = appendSent(list, c, places)
		}
	}
	return list
}

// appendSent adds the letters of a chunk. A chunk's places stand in the order
// of its letters, partition by partition.
func appendSent(list []sent, c *chunk, places map[placeKey][]place) []sent {
	for _, p := range c.record.Parts {
		told := places[placeKey{c.record.Seq, p.Partition}]
		n := 0
		for _, s := range c.spans[p.Partition] {
			for o := s.first; o <= s.last; o++ {
				l := sent{part: p.Partition, offset: o, run: c.key.run, seq: c.record.Seq, action: c.record.Action, op: c.record.Op, at: c.record.At, topic: c.record.To, to: -1, toAt: -1}
				if n < len(told) {
					l.to, l.toAt = told[n].partition, told[n].offset
				}
				list = append(list, l)
				n++
			}
		}
	}
	return list
}

type placeKey struct {
	seq  int64
	part int32
}

// places are where letters of a run's chunks went. What cannot be decoded is as
// good as not told.
func (q *QueueState) places(run string) map[placeKey][]place {
	all := map[placeKey][]place{}
	for i := range q.chunks {
		c := &q.chunks[i]
		if c.key.run != run {
			continue
		}
		for _, out := range c.record.Out {
			for _, p := range out.Parts {
				if list, err := decodePlaces(p.Places); err == nil {
					all[placeKey{out.Seq, p.Partition}] = list
				}
			}
		}
	}
	return all
}
