package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// embeddedWait is how long a broker may take to load its data.
const embeddedWait = time.Minute

// Up implements [Runtime].
func (r *embeddedRuntime) Up(ctx context.Context, s State, opts UpOptions) error {
	cfg := r.config(s)
	if err := resolves(ctx, s.Advertise); err != nil {
		return err
	}
	if err := checkPort(cfg.Port, ServiceKafka); err != nil {
		return err
	}
	if err := checkPort(cfg.RegistryPort, ServiceRegistry); err != nil {
		return err
	}
	fresh := !embedded.HasData(r.dir)
	if err := embedded.Prepare(r.dir); err != nil {
		return err
	}
	if err := embedded.CheckSpace(cfg); err != nil {
		return translate(err)
	}
	if err := writeConfig(cfg); err != nil {
		return err
	}
	done := report(opts.Progress).begin("broker", "broker process runs")
	began := time.Now()
	err := r.launch(ctx, cfg, opts)
	if err == nil {
		done()
		return nil
	}
	down := context.WithoutCancel(ctx)
	down, cancel := context.WithTimeout(down, undoTimeout)
	defer cancel()
	undoErr := r.Down(down, DownOptions{Volumes: fresh})
	return errors.Join(r.withLog(down, err, began), undoErr)
}

// launch starts the supervisor, here or in the background, and waits until the
// broker says that it is ready.
func (r *embeddedRuntime) launch(ctx context.Context, cfg embedded.Config, opts UpOptions) error {
	limit := opts.WaitTimeout
	if limit <= 0 {
		limit = embeddedWait
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if opts.Foreground {
		r.runHere(ctx, cfg, opts.Log)
	} else if err := r.runBehind(cfg); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		_, rep, err := embedded.Dial(wait, r.dir)
		if err == nil && rep.State == embedded.Running {
			return nil
		}
		select {
		case <-r.ended:
			return r.endReason()
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("broker: %w (%v)", ErrNotReady, limit)
		case <-tick.C:
		}
	}
}

// runHere supervises the broker in this process, until ctx ends.
func (r *embeddedRuntime) runHere(ctx context.Context, cfg embedded.Config, log func(LogLine)) {
	opts := embedded.SuperviseOptions{Command: brokerCommand(r.self, r.dir)}
	if log != nil {
		opts.Tee = func(l embedded.LogLine) { log(serviceLine(l)) }
	}
	r.ended = make(chan struct{})
	r.foreground.Go(func() {
		r.endErr = embedded.Supervise(ctx, cfg, opts)
		close(r.ended)
	})
}

// Wait implements [Runtime].
func (r *embeddedRuntime) Wait(context.Context) error {
	r.foreground.Wait() // it holds the context of Up
	return r.endErr
}

// runBehind starts the supervisor as a process that outlives this one.
func (r *embeddedRuntime) runBehind(cfg embedded.Config) error {
	cmd := exec.Command(r.self[0], append(r.self[1:len(r.self):len(r.self)], roleSupervise, cfg.Dir)...)
	cmd.Dir, cmd.Env = cfg.Dir, backgroundEnv()
	embedded.Detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the background process: %w", err)
	}
	r.ended = make(chan struct{})
	ended := r.ended
	// The process is meant to live on when this one ends; until then its end is news.
	go func() {
		_ = cmd.Wait() // why it ended stands in its log
		close(ended)
	}()
	return nil
}

// endReason is why the supervisor ended while it was waited for.
func (r *embeddedRuntime) endReason() error {
	if last, ok := embedded.ReadLastExit(r.dir); ok {
		return translate(&last.EndError)
	}
	if r.endErr != nil {
		return translate(r.endErr)
	}
	return errors.New("background process ended")
}

// logTail is how many log lines a failed start shows.
const logTail = 10

// StartError is a start that failed, with what the service said last.
type StartError struct {
	Service string
	Err     error
	Log     []string // its last lines
}

func (e *StartError) Error() string { return e.Service + ": " + e.Err.Error() }
func (e *StartError) Unwrap() error { return e.Err }

// withLog adds the log lines of this start to what went wrong.
func (r *embeddedRuntime) withLog(ctx context.Context, err error, began time.Time) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	se := &StartError{Service: ServiceKafka, Err: err}
	// The log is an extra here: when it cannot be read, the error stands alone.
	_, _ = embedded.ReadLog(ctx, embedded.LogFile(r.dir), func(l embedded.LogLine) error {
		if !l.Time.Before(began.Truncate(time.Millisecond)) {
			se.Log = append(se.Log, strings.TrimSpace(l.Level+" "+l.Text))
		}
		if len(se.Log) > logTail {
			se.Log = se.Log[1:]
		}
		return nil
	})
	return se
}

// backgroundEnv is the environment of a background process: without this
// tool's own variables, which would be taken for its flags.
func backgroundEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MANAGE_KAFKA_") && !strings.HasPrefix(kv, "KAFKA_BROKERS=") {
			env = append(env, kv)
		}
	}
	return env
}

// writeConfig leaves the configuration for the background processes.
func writeConfig(cfg embedded.Config) error {
	body, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	return os.WriteFile(configFile(cfg.Dir), body, 0o600)
}

func readConfig(dir string) (embedded.Config, error) {
	var cfg embedded.Config
	body, err := os.ReadFile(configFile(dir))
	if err != nil {
		return cfg, err
	}
	if err := json.Unmarshal(body, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", configFile(dir), err)
	}
	cfg.Dir = dir
	return cfg, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
