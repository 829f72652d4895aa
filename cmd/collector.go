package cmd

import (
	"math"
	"os"
	"runtime/debug"
	"time"
)

// relaxCollector lets a command that ends within a second end before its
// garbage is worth collecting, which is a quarter of such a command's time. Its
// heap stays below 64 MiB meanwhile; afterwards the collector works as ever, so
// that a stream's memory stays flat. The user's own GOGC or GOMEMLIMIT wins.
func relaxCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	usual := debug.SetGCPercent(400)
	debug.SetMemoryLimit(64 << 20)
	time.AfterFunc(time.Second, func() {
		debug.SetGCPercent(usual)
		debug.SetMemoryLimit(math.MaxInt64)
	})
}
