package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	// maxRestarts is how often a broker is started again after a panic.
	maxRestarts = 3
	// restartsForgotten is how long it must then run for the count to begin anew.
	restartsForgotten = 10 * time.Minute
	// crashCode is the exit code of a Go process that panicked.
	crashCode = 2
	// closePatience is how long a broker may take to write its state when it
	// is asked to end, before it is killed. What it acknowledged is on disk already.
	closePatience = 20 * time.Second
)

// State is where a project's broker is in its life.
type State string

// The states, in order.
const (
	Starting State = "starting"
	Running  State = "running"
	Stopping State = "stopping"
)

// Report is what the supervisor tells of itself and its broker.
type Report struct {
	State      State     `json:"state"`
	Project    string    `json:"project"`
	Supervisor int       `json:"supervisor"` // process id
	Broker     int       `json:"broker"`     // process id, 0 while there is none
	Since      time.Time `json:"since"`      // when the broker became ready, or the start began
	Restarts   int       `json:"restarts"`   // after panics
	Port       int       `json:"port"`
	Registry   int       `json:"registry"` // port of the schema registry, 0 without one
	Advertised string    `json:"advertised"`
	ListenHost string    `json:"listen_host"`
	Version    string    `json:"version"`
	Executable string    `json:"executable"`
}

// SuperviseOptions is what [Supervise] needs beside the configuration.
type SuperviseOptions struct {
	// Command makes the command of the broker process, which calls [Serve].
	// Supervise connects its standard streams.
	Command func() *exec.Cmd
	// Tee, when set, gets each log line too.
	Tee func(LogLine)
}

// supervisor keeps one broker alive.
type supervisor struct {
	cfg     Config
	command func() *exec.Cmd
	log     *logWriter

	mu     sync.Mutex
	report Report
	stop   context.CancelFunc
}

// Supervise runs and restarts the broker until ctx ends or a stop arrives at
// the control endpoint, which is a clean end. It returns an error when the
// broker ends by itself: [ErrGaveUp] after too many panics, the broker's own
// reason otherwise, which [ReadLastExit] then tells later callers. It reports
// [ErrInUse] when the project has a supervisor already.
func Supervise(ctx context.Context, cfg Config, opts SuperviseOptions) error {
	if err := Prepare(cfg.Dir); err != nil {
		return err
	}
	lock, err := lockSoon(ctx, runLockFile(cfg.Dir))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	log, err := newLogWriter(LogFile(cfg.Dir), opts.Tee)
	if err != nil {
		return err
	}
	defer log.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &supervisor{cfg: cfg, command: opts.Command, log: log, stop: cancel}
	exe, _ := os.Executable() // empty where the platform cannot tell
	s.report = Report{
		State: Starting, Project: cfg.Project, Supervisor: os.Getpid(), Since: time.Now(), Port: cfg.Port, Registry: cfg.RegistryPort,
		Advertised: cfg.Advertised(), ListenHost: cfg.ListenHost(), Version: cfg.Version, Executable: exe,
	}
	_ = os.Remove(lastExitFile(cfg.Dir)) // it may well not exist
	control, err := listenControl(cfg.Dir, s.answer)
	if err != nil {
		return err
	}
	defer control.Close()
	err = s.run(ctx)
	if err != nil {
		log.Printf("ERROR", "%v", err)
		err = errors.Join(err, writeJSON(lastExitFile(cfg.Dir), LastExit{At: time.Now(), EndError: endError(err)}))
	}
	return err
}

// run starts the broker again and again until it ends for good.
func (s *supervisor) run(ctx context.Context) error {
	for {
		began := time.Now()
		err := s.once(ctx)
		var crash *crashError
		if !errors.As(err, &crash) {
			return err
		}
		s.mu.Lock()
		if time.Since(began) > restartsForgotten {
			s.report.Restarts = 0
		}
		n := s.report.Restarts
		s.report.Restarts++
		s.report.State, s.report.Broker, s.report.Since = Starting, 0, time.Now()
		s.mu.Unlock()
		if n == maxRestarts {
			return fmt.Errorf("%w: %d panics, the last one: %s", ErrGaveUp, n+1, crash.first)
		}
		s.log.Printf("ERROR", "broker panicked (%s); restart %d of %d, the data is kept", crash.first, n+1, maxRestarts)
	}
}

// crashError is a broker process that died of a panic.
type crashError struct{ first string }

func (e *crashError) Error() string { return "broker panicked: " + e.first }

// once runs one broker process to its end: nil when it was asked to end.
func (s *supervisor) once(ctx context.Context) error {
	cmd := s.command()
	hideWindow(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the broker process: %w", err)
	}
	s.mu.Lock()
	s.report.Broker = cmd.Process.Pid
	s.mu.Unlock()

	var readers sync.WaitGroup
	var fatal *EndError
	var panicLine string
	readers.Go(func() { fatal = s.readNotices(stdout) })
	readers.Go(func() { panicLine = s.readStderr(stderr) })
	ended := make(chan struct{})
	var ender sync.WaitGroup
	ender.Go(func() { s.endOnCancel(ctx, cmd, stdin, ended) })
	readers.Wait()
	err = cmd.Wait()
	close(ended)
	ender.Wait()
	return s.judgeExit(ctx, err, fatal, panicLine)
}

// endOnCancel asks the broker to end when ctx does, and kills it when it does not.
func (s *supervisor) endOnCancel(ctx context.Context, cmd *exec.Cmd, stdin io.Closer, ended <-chan struct{}) {
	defer stdin.Close()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.report.State = Stopping
	s.mu.Unlock()
	s.log.Printf("INFO", "stopping")
	_ = stdin.Close() // the broker reads the end of its input as the wish to end
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		s.log.Printf("WARN", "broker did not end within %v; killing it, what it acknowledged is on disk", closePatience)
		_ = cmd.Process.Kill() // fails only when it just ended
	}
}

func (s *supervisor) judgeExit(ctx context.Context, err error, fatal *EndError, panicLine string) error {
	var exit *exec.ExitError
	switch {
	case fatal != nil:
		return fatal
	case ctx.Err() != nil:
		s.log.Printf("INFO", "stopped")
		return nil
	case err == nil:
		return errors.New("broker ended without being asked to")
	case errors.As(err, &exit) && exit.ExitCode() == crashCode && panicLine != "":
		return &crashError{first: panicLine}
	}
	return fmt.Errorf("broker process ended: %w", err)
}

// readNotices logs what the broker says, and returns why it ends for good.
func (s *supervisor) readNotices(r io.Reader) (fatal *EndError) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var n notice
		if json.Unmarshal(scan.Bytes(), &n) != nil {
			s.log.Printf("INFO", "%s", scan.Text())
			continue
		}
		if n.Log != "" {
			s.log.Printf(n.Level, "%s", n.Log)
		}
		if n.Fatal != nil {
			fatal = n.Fatal
		}
		if n.Ready {
			s.mu.Lock()
			if s.report.State == Starting {
				s.report.State, s.report.Since = Running, time.Now()
			}
			s.mu.Unlock()
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long: do not let the broker block on it
	return fatal
}

// readStderr logs a panic's trace and returns its first line.
func (s *supervisor) readStderr(r io.Reader) (panicLine string) {
	scan := bufio.NewScanner(r)
	for scan.Scan() {
		line := scan.Text()
		if panicLine == "" && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) {
			panicLine = line
		}
		s.log.Printf("ERROR", "%s", line)
	}
	_, _ = io.Copy(io.Discard, r)
	return panicLine
}

// answer is called by the control endpoint.
func (s *supervisor) answer(command string) (Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch command {
	case commandStatus:
	case commandStop:
		s.report.State = Stopping
		s.stop()
	default:
		return Report{}, fmt.Errorf("unknown command %q", command)
	}
	return s.report, nil
}
