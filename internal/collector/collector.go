// Package collector lets a command that ends within a second end before its
// garbage is worth collecting, which is a quarter of such a command's time.
//
// What the libraries prepare when they are imported is enough for a collection
// before main begins. So the collector is held back by the initialiser of a
// variable: the language has packages initialised in the order of their import
// paths, each as soon as what it imports is, and this one needs next to
// nothing. Only the command line may import it.
package collector

import (
	"math"
	"os"
	"runtime/debug"
	"time"
)

// The heap of a command's first second.
const (
	percent = 400
	limit   = 64 << 20
)

// usual is what the process came with.
var usual = hold()

type setting struct {
	held    bool
	percent int
}

// hold lets the heap grow to 64 MiB before it is collected. The user's own GOGC
// or GOMEMLIMIT wins.
func hold() setting {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return setting{}
	}
	debug.SetMemoryLimit(limit)
	return setting{held: true, percent: debug.SetGCPercent(percent)}
}

// ResumeAfter has the collector work as ever once d is over, so that a stream's
// memory stays flat. It is called once, at the beginning of main.
func ResumeAfter(d time.Duration) {
	if !usual.held {
		return
	}
	time.AfterFunc(d, func() {
		debug.SetGCPercent(usual.percent)
		debug.SetMemoryLimit(math.MaxInt64)
	})
}
