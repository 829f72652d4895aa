package eventbus

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

// expressBytes is how large a record goes express at most: one that a socket takes
// without waiting for its peer.
const expressBytes = 64 << 10

// express sends a lone record from its caller's own goroutine, so that none has to
// wake for it, where that keeps nobody waiting: its partition is idle and has a
// connection that works. Else it does nothing and returns false. What does not end
// well, or not before ctx, goes on in a goroutine of the partition.
func (s *sender) express(ctx context.Context, p *parcel) bool {
	if p.size > expressBytes || !s.room.TryAcquire(int64(p.size)) {
		return false
	}
	l := s.claim(p)
	if l == nil {
		s.room.Release(int64(p.size))
		return false
	}
	defer s.work.Done()
	use, err := s.links.leader(s, l.tp)
	if err != nil || !use.same(l.proven) {
		s.yield(l)
		s.room.Release(int64(p.size))
		return false
	}
	sh := &shipment{parcels: []*parcel{p}}
	sh.underWay = s.load(l, sh, use)
	use.state.courier.dispatch(s, sh.underWay)
	expired := time.NewTimer(time.Until(p.expires))
	defer expired.Stop()
	select {
	case r := <-sh.underWay.reply:
		if offset, ok := acknowledged(r, l); ok {
			l.sequence = nextSequence(l.sequence, 1)
			s.yield(l)
			s.room.Release(int64(p.size))
			p.settle(offset, nil)
			return true
		}
		sh.underWay.reply <- r // which has room for it
	case <-ctx.Done():
	case <-s.life.Done():
	case <-expired.C:
	}
	s.work.Go(func() {
		s.deliver(l, sh)
		s.room.Release(int64(p.size))
		s.run(l)
	})
	return true
}

// claim gives the parcel's partition, as busy, when nobody is at it and its leader
// has answered; else nil. Until the claim is given up by yield or [sender.run],
// the caller owns it, and counts as work.
func (s *sender) claim(p *parcel) *outbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[p.target()]
	if s.closed || l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.proven == nil || l.producer.id < 0 {
		return nil
	}
	l.busy = true
	s.work.Add(1)
	return l
}

// yield gives a partition back, to a goroutine of its own when more has come.
func (s *sender) yield(l *outbound) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy = len(l.queue) > 0; l.busy {
		s.work.Go(func() { s.run(l) })
	}
}

// acknowledged gives the offset of a lone record where its leader has written it.
func acknowledged(r reply, l *outbound) (int64, bool) {
	if r.err != nil {
		return 0, false
	}
	block := r.res.GetBlock(l.tp.Topic, l.tp.Partition)
	if block == nil || block.Err != sarama.ErrNoError {
		return 0, false
	}
	return block.Offset, true
}
