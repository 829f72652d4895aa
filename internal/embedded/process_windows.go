package embedded

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// noUnixSockets is where the control endpoint may fall back to TCP: Windows
// has Unix sockets since 10 1803, but not in every file system.
const noUnixSockets = true

// hideWindow keeps a child of a process without console from opening one.
func hideWindow(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}

// Detach makes cmd outlive the terminal and the process that starts it.
func Detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP,
	}
}

// ownedByUser holds by itself: the temporary directory is the user's own.
func ownedByUser(os.FileInfo) bool { return true }

// terminate kills: Windows has no other word for a process without console.
func terminate(p *os.Process) error { return p.Kill() }
