//go:build unix

package docker

import (
	"os"
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt asks a program and what it started to end: the docker command runs
// its plugin as a process of its own.
func interrupt(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGINT) }
