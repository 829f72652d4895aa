package postgres

import (
	"os/exec"
	"syscall"
)

// as makes cmd run as the kit's user and die with the test binary.
func (k kit) as(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if k.uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(k.uid), Gid: uint32(k.gid)}
	}
}
