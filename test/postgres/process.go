package postgres

import (
	"os"
	"os/exec"
	"runtime"
)

// running is one run of the server.
type running struct {
	proc *os.Process
	done chan struct{} // closed once the process has been waited for
	err  error         // how it ended, valid after done
}

// launch starts cmd, whose output is appended to the log.
func launch(cmd *exec.Cmd, logPath string) (*running, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	r := &running{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel kills the child when the thread that made it ends, so the
		// thread is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(r.done)
		defer log.Close()
		err := cmd.Start()
		r.proc = cmd.Process
		started <- err
		if err == nil {
			r.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return r, nil
}

// kill ends the server at once and waits for it; its children follow by
// themselves when they see it gone. It may be called again.
func (r *running) kill() {
	_ = r.proc.Kill() // the only failure is a process that has already ended
	<-r.done
}
