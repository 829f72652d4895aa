package realkafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// errPortTaken says that somebody else took a port between choosing it and
// binding it; the caller chooses others.
var errPortTaken = errors.New("port taken")

// process is one server: a JVM whose output goes to a log file.
type process struct {
	name    string
	logPath string
	logFrom int64 // where this run's lines begin; runs append to one file
	proc    *os.Process
	done    chan struct{} // closed once the process has been waited for
	err     error         // how it ended, valid after done
}

// launch starts cmd. Its output is appended to logPath.
func launch(name, logPath string, cmd *exec.Cmd) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		log.Close()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()
	p := &process{name: name, logPath: logPath, logFrom: end, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel kills the child when the thread that made it ends, so the
		// thread is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer log.Close()
		err := cmd.Start()
		p.proc = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// waitFor polls check until it holds, the process ends or ctx does. check gets
// what this run has logged so far.
func (p *process) waitFor(ctx context.Context, check func(log []byte) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		alive := p.alive() // asked first: the log of a process that has ended is whole
		log, err := p.log()
		if err != nil {
			return err
		}
		if bytes.Contains(log, []byte("Address already in use")) {
			p.kill()
			return fmt.Errorf("%s: %w", p.name, errPortTaken)
		}
		if check(log) {
			return nil
		}
		if !alive {
			return fmt.Errorf("%s ended while starting: %w\n%s", p.name, errors.Join(p.err, errEnded), lastLines(log, 40))
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, ctx.Err(), lastLines(log, 40))
		case <-tick.C:
		}
	}
}

// errEnded marks a server that went away by itself.
var errEnded = errors.New("process ended")

// log returns what this run has written so far.
func (p *process) log() ([]byte, error) {
	f, err := os.Open(p.logPath)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(p.logFrom, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

// kill ends the process at once and waits for it. It may be called again.
func (p *process) kill() {
	_ = p.proc.Kill() // the only failure is a process that has already ended
	<-p.done
}

// alive reports whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// lastLines returns the last n lines of text.
func lastLines(text []byte, n int) []byte {
	text = bytes.TrimRight(text, "\n")
	at := len(text)
	for range n {
		at = bytes.LastIndexByte(text[:at], '\n')
		if at < 0 {
			return text
		}
	}
	return text[at+1:]
}
