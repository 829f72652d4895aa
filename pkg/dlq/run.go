package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Result is what a run did.
type Result struct {
	Run    string   `json:"run"`
	Queue  string   `json:"dlq"`
	Action Action   `json:"action"`
	State  RunState `json:"state"`
	// Planned are the letters of the plan, Done those that this run sent or
	// resolved, Already those that somebody resolved meanwhile.
	Planned int64    `json:"planned"`
	Done    int64    `json:"done"`
	Twins   int64    `json:"duplicates"` // resolved beside them
	Parked  int64    `json:"parked"`
	Already int64    `json:"already"`
	Behind  []Reason `json:"behind"` // letters that stay pending, by reason
	Expired []string `json:"expired"`
	Seconds float64  `json:"seconds"`
	// Transactions that were committed, with the letters in them.
	Transactions int64 `json:"transactions"`
	// Tombstones are the keys that an undo deleted from its targets.
	Tombstones int64 `json:"tombstones,omitempty"`

	expired int64
}

// Left is how many letters of the plan are neither done nor resolved.
func (r *Result) Left() int64 { return max(0, r.Planned-r.Done-r.Already) }

// replayer writes what a plan says.
type replayer struct {
	plan   *Plan
	client *kafka.Client
	opts   Options
	id     string
	began  time.Time

	producer committer
	plain    *plainWriter // the producer, where it does without transactions
	ledger   *Ledger
	seq      int64
	mineAt   int64 // where the newest run record of ours stands in the ledger
	held     map[uint64]bool
	lost     map[int32][]int64 // letters that expired
	closed   map[string]string // topics that take no more letters, and why
	sentTo   map[string]int64
	spared   int64 // letters that the plan left
	behind   map[string]*Reason
	result   Result
	out      []chunkOut // of chunks that no ledger record tells the places of
	toldLag  time.Time  // when somebody was told that the run waits for a group
	toldHeld time.Time  // and that it waits for a quota
	commits  bool       // the group that is waited for has committed something
	marked   time.Time  // when the watermark was written
	beat     time.Time  // when the run record was
	quiet    bool       // the group takes no watermark
	said     bool       // the run record that ends the run is written
	waters   watermark
	identity identity
	pace     pace
	follower *follower
	followed bool // what follows is known
	passed   int64
	again    int64 // dead
}

// committer writes transactions.
type committer interface {
	Commit(ctx context.Context, w txn.Write) ([]int64, error)
	// Held is how long a quota keeps the next write waiting.
	Held() time.Duration
	Close()
}

// Run does what the plan says. It may be called once.
//
// Whatever ends it, what was committed stays and the ledger says so; the same
// call with a new plan goes on from there. The Result tells how far it came
// also beside an error. Its errors are [ErrBusy] where another run lives or
// took over, [ErrConflict] where a topic was made anew meanwhile, [ErrStuck]
// where the cluster does not let it go on, [ErrPartly] where letters stay
// pending that the plan was to replay, and ctx's. A closed Stop is no error.
func (p *Plan) Run(ctx context.Context) (*Result, error) {
	r := newReplayer(p)
	for i := range p.Behind {
		r.behind[p.Behind[i].Text] = &p.Behind[i]
		r.spared += p.Behind[i].Letters
	}
	if r.result.Planned == 0 {
		r.result.Run = ""
		return r.end(nil)
	}
	if err := r.lookAgain(ctx); err != nil {
		return r.end(err)
	}
	err := r.acquire(ctx)
	if lost, ok := asLost(err); ok {
		err = r.recover(ctx, lost, &writing{})
	}
	defer func() {
		if r.producer != nil {
			r.producer.Close()
		}
	}()
	if err != nil {
		return r.end(err)
	}
	r.pace = newPace(r.opts)
	err = r.work(ctx)
	if err == nil || errors.Is(err, errStopped) {
		if closed := r.close(ctx); closed == nil && err == nil {
			r.mergeGrown(ctx)
		} else {
			err = errors.Join(err, closed)
		}
	} else {
		r.giveUp(ctx, err)
	}
	return r.end(err)
}

// giveUp writes that the run ended, where that is still for it to say: the next
// one need not wonder then whether it lives. What does not succeed soon is left.
func (r *replayer) giveUp(ctx context.Context, err error) {
	const soon = 3 * time.Second
	if _, lost := asLost(err); lost || ctx.Err() != nil || errors.Is(err, ErrBusy) || errors.Is(err, ErrStuck) || errors.Is(err, ErrConflict) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	if err := r.say(ctx, Stopped); err != nil {
		r.opts.Notice("the end of the run could not be written to the ledger: " + err.Error())
	}
}

func newReplayer(p *Plan) *replayer {
	r := &replayer{
		plan: p, client: p.client, opts: p.opts, id: newRunID(time.Now()), began: time.Now(), ledger: p.ledger,
		held: map[uint64]bool{}, closed: map[string]string{}, sentTo: map[string]int64{}, behind: map[string]*Reason{}, identity: p.identity(), waters: newWatermark(p),
	}
	r.follower = newFollower(p, r.id)
	r.result = Result{Run: r.id, Queue: p.Queue, Action: p.Action, State: Done, Planned: p.Letters + p.Park, Behind: []Reason{}, Expired: []string{}}
	return r
}

// errStopped is an operator's stop, or a hook's.
var errStopped = errors.New("stopped")

// end makes the result of what is known.
func (r *replayer) end(err error) (*Result, error) {
	res := &r.result
	res.Seconds = time.Since(r.began).Seconds()
	for _, reason := range r.behind {
		res.Behind = append(res.Behind, *reason)
	}
	sortReasons(res.Behind)
	r.tellExpired()
	left := int64(0)
	for _, reason := range res.Behind {
		left += reason.Letters
	}
	switch {
	case errors.Is(err, ErrBusy):
		res.State = Fenced
	case err != nil:
		res.State = Stopped
	}
	var hook *hookError
	switch {
	case errors.As(err, &hook):
		return res, hook.err
	case errors.Is(err, errStopped) && !errors.Is(err, ErrStuck):
		return res, nil
	case err == nil && left+res.expired > 0:
		return res, errorf(ErrPartly, "%s", leftText(left, r.spared, res))
	}
	return res, err
}

// leftText says how many letters stay: those that the plan left, which are not
// among its own, and those that were left under way, which are.
func leftText(left, before int64, res *Result) string {
	text := fmt.Sprintf("%d of %d letters are left", left, before+res.Planned)
	if res.expired > 0 {
		text = fmt.Sprintf("%d letters expired before the replay", res.expired)
		if left > 0 {
			text += fmt.Sprintf(", %d are left", left)
		}
	}
	return text
}

// hookError is what a hook ended the run with.
type hookError struct{ err error }

func (e *hookError) Error() string   { return e.err.Error() }
func (e *hookError) Unwrap() []error { return []error{e.err, errStopped} }

// work commits one batch after the other while the feed prepares the next.
func (r *replayer) work(ctx context.Context) error {
	feeding, cancel := context.WithCancel(ctx)
	f := newFeed(r.plan, r.id)
	if r.opts.FirstChunk > 0 {
		f.sizing.now.Store(int64(r.opts.FirstChunk))
	}
	batches := make(chan feedResult, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.serve(feeding, batches)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for {
		if r.stopped() {
			return errStopped
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case got, more := <-batches:
			if !more {
				return context.Cause(ctx)
			}
			if got.err != nil {
				return got.err
			}
			if err := r.do(ctx, got.batch, f); err != nil {
				return err
			}
		}
	}
}

func (r *replayer) stopped() bool {
	select {
	case <-r.opts.Stop:
		return true
	default:
		return false
	}
}

// do commits a batch, in the pieces that the pace allows.
func (r *replayer) do(ctx context.Context, b batch, f *feed) error {
	left := b.letters
	for len(left) > 0 {
		n := min(len(left), r.pace.most())
		if r.opts.FirstChunk > 0 && r.result.Transactions == 0 {
			n = min(n, r.opts.FirstChunk)
		}
		piece := batch{action: b.action, letters: left[:n], last: b.last && n == len(left)}
		left = left[n:]
		if err := r.waitTurn(ctx, n); err != nil {
			return err
		}
		if err := r.hook(ctx, r.opts.BeforeChunk, ChunkInfo{Run: r.id, Seq: r.seq + 1, Letters: n, Done: r.result.Done, Total: r.result.Planned}); err != nil {
			return err
		}
		began := time.Now()
		info, err := r.commit(ctx, piece)
		if err != nil {
			return err
		}
		f.sizing.adapt(n, time.Since(began))
		if r.opts.FirstChunk == 0 || r.result.Transactions > 1 { // a canary is judged by its hook
			if err := r.follower.look(ctx, r); err != nil {
				return err
			}
		}
		r.tellProgress()
		if info.Letters > 0 {
			if err := r.hook(ctx, r.opts.AfterChunk, info); err != nil {
				return err
			}
		}
		if len(left) > 0 && r.stopped() {
			return errStopped
		}
	}
	return nil
}

func (r *replayer) tellProgress() {
	r.opts.Progress(Progress{
		Run: r.id, Done: r.result.Done, Total: r.result.Planned, Behind: r.result.Planned - r.result.Done - r.result.Left(),
		Followed: r.followed, Passed: r.passed, DeadAgain: r.again,
	})
}

func (r *replayer) hook(ctx context.Context, hook func(context.Context, ChunkInfo) error, info ChunkInfo) error {
	if hook == nil {
		return nil
	}
	// It may take as long as a person does; the run shows that it lives.
	done := make(chan error, 1)
	go func() { done <- hook(ctx, info) }()
	for {
		select {
		case err := <-done:
			if err != nil && ctx.Err() == nil {
				return &hookError{err}
			}
			return err
		case <-time.After(max(0, heartbeat-time.Since(r.beat))):
			if err := r.heartbeat(ctx); err != nil {
				<-done
				return err
			}
		}
	}
}
