package dlq

// planUndo takes the letters that a run resolved and that no later chunk names.
func (p *Plan) planUndo() error {
	state := p.ledger.Queue(p.Queue, p.queue.id)
	if r := p.ledger.Run(p.opts.Undo); r != nil && r.Queue == p.Queue && state.runs[p.opts.Undo] == nil {
		return errorf(ErrRemade, "run %s worked on a former topic %s, which was deleted: its letters are gone", r.ID, p.Queue)
	}
	if state.runs[p.opts.Undo] == nil {
		return errorf(ErrNotFound, "%s: the ledger knows no such run on %s", p.opts.Undo, p.Queue)
	}
	owned := state.owned(p.opts.Undo)
	p.index.stays = map[int32]int64{}
	for _, part := range owned.Partitions() {
		if int(part) >= len(p.bounds.end) {
			continue
		}
		at := p.index.lane(laneKey{topic: p.Queue, partition: part, unknown: true})
		for _, s := range owned.parts[part] {
			for o := max(s.first, p.bounds.start[part]); o <= min(s.last, p.bounds.end[part]-1); o++ {
				p.index.add(entry{offset: o, origin: o, part: part, lane: at})
			}
		}
	}
	p.index.arrange(p.opts)
	p.summarise()
	p.Selected = p.Letters
	return nil
}

// owned are the letters that the run was the last to resolve.
func (q *QueueState) owned(run string) *Resolved {
	owned := &Resolved{}
	for _, c := range q.chunks {
		for part, spans := range c.spans {
			if c.key.run == run && c.record.Action != Reopened {
				owned.add(part, spans)
			} else {
				owned.remove(part, spans)
			}
		}
	}
	return owned
}
