package cluster

import (
	"context"
	"time"
)

// Runtime is one way to run the services of a stack: processes or containers.
// Its methods are called by one [Stack], which holds the project's lock for Up
// and for a Down that wipes data.
type Runtime interface {
	// Name is the runtime's name in flags, state and output.
	Name() string
	// Check reports [ErrInvalid] for a state that this runtime cannot run, such
	// as an overlay that it does not have. It asks and starts nothing.
	Check(s State) error
	// Up starts the services of s and returns once each says of itself that it
	// is ready, or with an error after it has undone what this call made. A
	// stack that runs already is left as it is.
	Up(ctx context.Context, s State, opts UpOptions) error
	// Wait returns when the stack that Up started in the foreground ends: nil
	// when ctx ended it.
	Wait(ctx context.Context) error
	// Down stops the services and waits for their end. With opts.Volumes it
	// then removes their data. A stack that does not run is no error.
	Down(ctx context.Context, opts DownOptions) error
	// Services tells the state of each service, without asking Kafka itself.
	// The list is empty when nothing of the stack exists.
	Services(ctx context.Context, s State) ([]Service, error)
	// Logs hands log lines to opts.Each, until they end or, when followed, ctx does.
	Logs(ctx context.Context, opts LogOptions) error
	// WhyDown is, for a person, why the stack ended by itself; empty when it
	// was stopped, runs, or nobody knows.
	WhyDown() string
	// Notes are what a user of the stack should know, a sentence each without
	// a final period.
	Notes() []string
	// Volumes lists, for a person, what Down with Volumes removes.
	Volumes() []string
}

// UpOptions is how to start a stack. The zero value works.
type UpOptions struct {
	// PortOffset is added to every published port; nil takes the recorded one.
	PortOffset *int
	// Overlays are extra parts by name; nil takes the recorded ones.
	Overlays []string
	// Advertise is the host that clients are told; nil takes the recorded one.
	Advertise *string
	// Foreground keeps the stack below this process: see [Stack.Wait].
	Foreground bool
	// WaitTimeout bounds the time until the stack is ready; 0 is the runtime's own.
	WaitTimeout time.Duration
	// Only starts these services with what they need, Exclude all but these;
	// neither is recorded. Docker runtime.
	Only, Exclude []string
	// Pull is when images are fetched: [PullMissing], which is the default,
	// [PullAlways] or [PullNever]. Docker runtime.
	Pull string
	// Keep leaves what a failed start made. Docker runtime.
	Keep bool
	// Override is the path of the user's compose.override.yaml, empty for
	// none, and AllowUnsafe accepts one that asks for more of this machine than
	// a stack needs. Docker runtime.
	Override    string
	AllowUnsafe bool
	// ClusterID is the id of a new cluster, or of the one whose data a volume
	// holds; empty takes the recorded one. Docker runtime.
	ClusterID string
	// NoTopics leaves the catalogue's topics out.
	NoTopics bool
	// Progress, when set, is told each step. It is called by one goroutine at a time.
	Progress func(Event)
	// Log, when set, gets the log lines of a stack in the foreground.
	Log func(LogLine)
}

// DownOptions is how to stop a stack. The zero value keeps the data.
type DownOptions struct {
	// Volumes removes the data.
	Volumes bool
	// WaitTimeout bounds each stage of the stop: asking, and then telling; 0 is the runtime's own.
	WaitTimeout time.Duration
	// Progress, when set, is told each step. It is called by one goroutine at a time.
	Progress func(Event)

	dataGoes bool // it will be removed next
}

// LogOptions selects log lines.
type LogOptions struct {
	// Services are the services to show; none means all.
	Services []string
	Follow   bool
	// Since leaves out older lines, unless it is zero.
	Since time.Time
	// Tail is the number of last lines to begin with, for each service; negative means all.
	Tail int
	// Each gets every line. An error of its ends the reading and is returned.
	Each func(LogLine) error
}

// LogLine is one line of a service's log. Text may hold any bytes of the service.
type LogLine struct {
	Service string
	Time    time.Time // zero when unknown
	Text    string
}

// Stage is how far a step has come.
type Stage string

// The stages of an [Event]. A Note stands by itself.
const (
	StageBegun  Stage = "begun"
	StageDone   Stage = "done"
	StageFailed Stage = "failed"
	StageNote   Stage = "note"
	StageWarned Stage = "warned"
)

// Event is one piece of progress.
type Event struct {
	// Step names what is done, the same word when it begins and ends.
	Step  string
	Stage Stage
	// Text says it to a person, without a final period.
	Text string
	// Took is how long a done step took.
	Took time.Duration
}

// report is the func field of options, called or not.
type report func(Event)

func (r report) begin(step, text string) (done func()) {
	began := time.Now()
	r.send(Event{Step: step, Stage: StageBegun, Text: text})
	return func() { r.send(Event{Step: step, Stage: StageDone, Text: text, Took: time.Since(began)}) }
}

func (r report) note(text string) { r.send(Event{Stage: StageNote, Text: text}) }
func (r report) warn(text string) { r.send(Event{Stage: StageWarned, Text: text}) }

func (r report) send(e Event) {
	if r != nil {
		r(e)
	}
}
