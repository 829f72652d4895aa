package dlq

import "context"

const (
	// fixLetters and fixBytes bound what is fixed together while a plan is made.
	fixLetters = 1024
	fixBytes   = 8 << 20
)

// candidate is a selected letter that is to be fixed before it is judged.
type candidate struct {
	draft *Outgoing
	entry entry
}

// wait puts a letter aside until there are enough of them.
func (s *scanning) wait(ctx context.Context, c candidate) error {
	s.waiting = append(s.waiting, c)
	s.size += int(c.entry.size)
	if len(s.waiting) < fixLetters && s.size < fixBytes {
		return nil
	}
	return s.judgeWaiting(ctx)
}

// judgeWaiting has the letters that wait fixed, and decides on them.
func (s *scanning) judgeWaiting(ctx context.Context) error {
	drafts := make([]*Outgoing, len(s.waiting))
	for i := range s.waiting {
		drafts[i] = s.waiting[i].draft
	}
	if err := s.plan.fix(ctx, drafts); err != nil {
		return err
	}
	for i := range s.waiting {
		c := &s.waiting[i]
		if err := s.judge(ctx, c.draft.Source, c.draft.Letter, &c.entry, c.draft); err != nil {
			return err
		}
		s.plan.index.add(c.entry)
	}
	s.waiting, s.size = s.waiting[:0], 0
	return nil
}
