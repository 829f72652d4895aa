package dlq

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// runID is a ULID: 26 characters that sort by the time they were made.
func newRunID(now time.Time) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var random [10]byte
	_, _ = rand.Read(random[:]) // it never fails (crypto/rand)
	ms := uint64(now.UnixMilli())
	text := make([]byte, 26)
	for i := 9; i >= 0; i-- {
		text[i] = digits[ms&31]
		ms >>= 5
	}
	bits, held, at := uint(0), uint(0), 10
	for _, b := range random {
		bits, held = bits<<8|uint(b), held+8
		for held >= 5 {
			held -= 5
			text[at] = digits[bits>>held&31]
			at++
		}
	}
	return string(text)
}

// operator is who runs this process, as far as it can tell.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "unknown"
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// machine names this boot of this machine and the space in which its process
// ids count; empty where that cannot be told. Two containers of one machine
// are two.
func machine() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(boot)) + space + hostname()))
	return hex.EncodeToString(sum[:6])
}

// processStart is when a process began, in the machine's own count, empty
// where there is no such process or it cannot be told. With it a process id
// that was given anew is not taken for the old one.
func processStart(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name, in brackets, may hold anything.
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const state, started = 0, 19 // of proc(5), less the two before the bracket
	if len(fields) <= started || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[started]
}

// life is whether the process of a run lives.
type life int

const (
	unknownLife life = iota
	alive
	dead
)

// lifeOf tells it for a process of this machine.
func lifeOf(r *Run) life {
	here := machine()
	if here == "" || r.machine != here || r.process == "" {
		return unknownLife
	}
	if processStart(r.PID) == r.process {
		return alive
	}
	return dead
}
