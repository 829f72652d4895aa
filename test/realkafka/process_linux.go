package realkafka

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// dieWithParent makes the kernel kill a child when the test binary ends,
// however it ends.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// awaitStopped returns when every thread of a process that got SIGSTOP stands
// still.
func awaitStopped(pid int) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			return err
		}
		moving := len(tasks) == 0
		for _, task := range tasks {
			stat, err := os.ReadFile(task)
			if err != nil {
				moving = true // it has just ended
				break
			}
			// The state follows the name, which ends with the last bracket.
			_, state, _ := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
			if !bytes.HasPrefix(state, []byte("T")) {
				moving = true
				break
			}
		}
		if !moving {
			return nil
		}
	}
	return fmt.Errorf("process %d still runs after SIGSTOP", pid)
}
