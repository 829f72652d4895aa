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
	"sync"
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

// A Hold is the collector held back; see [Start].
type Hold struct {
	mu      sync.Mutex
	over    bool
	percent int
	bound   int64
}

// Start has the collector work as ever once d is over, so that a stream's memory
// stays flat. It is called once, at the beginning of main.
func Start(d time.Duration) *Hold {
	h := &Hold{percent: usual.percent, bound: math.MaxInt64}
	if usual.held {
		time.AfterFunc(d, h.end)
	}
	return h
}

func (h *Hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	debug.SetGCPercent(h.percent)
	debug.SetMemoryLimit(h.bound)
}

// Spare has the collector work less from now on, until the heap nears bytes, for
// a command that makes much garbage and keeps little: as a stream that passes
// through it does. [Hold.Usual] ends it. The user's own GOGC or GOMEMLIMIT wins.
func (h *Hold) Spare(bytes int64) { h.set(percent, bytes) }

// Usual has the collector work as ever.
func (h *Hold) Usual() { h.set(usual.percent, math.MaxInt64) }

func (h *Hold) set(percent int, bytes int64) {
	if h == nil || !usual.held {
		return
	}
	h.mu.Lock()
	h.percent, h.bound = percent, bytes
	h.mu.Unlock()
	h.end()
}

// Bound has the collector work harder when the heap nears bytes, for a command
// that keeps much for a while and is known to need less. The user's own GOGC or
// GOMEMLIMIT wins, and a nil Hold, as in a test, leaves the collector alone.
func (h *Hold) Bound(bytes int64) {
	if h == nil || !usual.held {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bound = bytes
	if h.over {
		debug.SetMemoryLimit(bytes)
	}
}
