package fix

import (
	"fmt"
	"os"
	"syscall"
)

// limitMemory has the kernel refuse more data than most bytes beyond what the
// process has mapped so far. Where it cannot, the process watches itself alone.
func limitMemory(most int64) {
	var total, resident, shared, text, lib, data int64 // pages, see proc(5)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return
	}
	if _, err := fmt.Sscan(string(statm), &total, &resident, &shared, &text, &lib, &data); err != nil {
		return
	}
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &l) == nil {
		l.Cur = min(l.Max, uint64(data*int64(os.Getpagesize())+most))
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &l)
	}
}
