package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Rate bounds how fast records are sent: a number of records, or of bytes of
// key, value and headers. The zero value is no bound.
type Rate struct {
	PerSecond float64
	Bytes     bool // PerSecond counts bytes
}

// ParseRate reads 500/s, 30000/m, 5MB/s or 1.5MiB/s: a number, for bytes a
// unit (B, kB, MB, GB, or KiB, MiB, GiB), and the time it is for (s, m, h).
func ParseRate(text string) (Rate, error) {
	bad := fmt.Errorf("rate %q: want records as 500/s or bytes as 5MB/s", text)
	amount, per, ok := strings.Cut(text, "/")
	if !ok {
		return Rate{}, bad
	}
	var seconds float64
	switch per {
	case "s":
		seconds = 1
	case "m":
		seconds = 60
	case "h":
		seconds = 3600
	default:
		return Rate{}, bad
	}
	digits := strings.TrimRight(amount, "BkKMGi")
	var unit float64
	r := Rate{}
	if name := amount[len(digits):]; name != "" {
		if unit = byteUnit(name); unit == 0 {
			return Rate{}, bad
		}
		r.Bytes = true
	} else {
		unit = 1
	}
	// ParseFloat alone takes hexadecimal, infinities and signs.
	if strings.Trim(digits, "0123456789.") != "" {
		return Rate{}, bad
	}
	n, err := strconv.ParseFloat(digits, 64)
	if r.PerSecond = n * unit / seconds; err != nil || r.PerSecond <= 0 || math.IsInf(r.PerSecond, 0) {
		return Rate{}, bad
	}
	return r, nil
}

func byteUnit(name string) float64 {
	switch name {
	case "B":
		return 1
	case "kB", "KB":
		return 1e3
	case "MB":
		return 1e6
	case "GB":
		return 1e9
	case "KiB":
		return 1 << 10
	case "MiB":
		return 1 << 20
	case "GiB":
		return 1 << 30
	}
	return 0
}

// throttle spreads records over time.
type throttle struct {
	limit *rate.Limiter
	bytes bool
}

func newThrottle(r Rate) *throttle {
	if r.PerSecond == 0 {
		return nil
	}
	// A tenth of a second at once keeps batches and the pace.
	burst := int(min(max(r.PerSecond/10, 1), 1<<30))
	return &throttle{limit: rate.NewLimiter(rate.Limit(r.PerSecond), burst), bytes: r.Bytes}
}

// delay is how long the record must wait.
func (t *throttle) delay(bytes int) time.Duration {
	n := 1
	if t.bytes {
		n = max(bytes, 1)
	}
	now := time.Now()
	var wait time.Duration
	for n > 0 {
		part := min(n, t.limit.Burst())
		wait = t.limit.ReserveN(now, part).DelayFrom(now)
		n -= part
	}
	return wait
}
