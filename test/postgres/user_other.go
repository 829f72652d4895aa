//go:build !linux

package postgres

import "os/exec"

// as leaves cmd to the user of the test: only Linux machines test as root, and
// only there a server dies with a test binary that is killed.
func (k kit) as(*exec.Cmd) {}
