//go:build !linux

package realkafka

import "syscall"

// dieWithParent has no equivalent here: servers end with the test's clean-up,
// and outlive a test binary that is killed.
func dieWithParent() *syscall.SysProcAttr { return nil }

// awaitStopped cannot tell here; a stopped process may answer once more.
func awaitStopped(int) error { return nil }
