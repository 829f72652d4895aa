//go:build linux || darwin

package fix

import "syscall"

// limitMemory has the operating system refuse data beyond most bytes. Where it
// does not, the process watches itself alone.
func limitMemory(most int64) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &l) == nil {
		l.Cur = min(l.Max, uint64(most))
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &l)
	}
}
