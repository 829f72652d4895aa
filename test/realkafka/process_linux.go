package realkafka

import "syscall"

// dieWithParent makes the kernel kill a child when the test binary ends,
// however it ends.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
