//go:build unix

package embedded

import (
	"os"
	"os/exec"
	"syscall"
)

// noUnixSockets is where the control endpoint may fall back to TCP.
const noUnixSockets = false

// hideWindow does nothing where processes have no windows.
func hideWindow(*exec.Cmd) {}

// Detach makes cmd outlive the terminal and the process that starts it.
func Detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func ownedByUser(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
