package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a point in time: RFC 3339, the same without a zone or
// seconds (UTC), a date (its first moment in UTC), 10 digits of seconds or 13
// of milliseconds since 1970, or a duration before now such as 90s, -1h30m, 7d
// or 2w. What lies before 1970, where Kafka's time begins, is 1970.
func ParseTime(text string, now time.Time) (time.Time, error) {
	t, err := parseTime(text, now)
	if begins := time.UnixMilli(0).UTC(); err == nil && t.Before(begins) {
		return begins, nil
	}
	return t, err
}

func parseTime(text string, now time.Time) (time.Time, error) {
	if isDigits(text) && (len(text) == 10 || len(text) == 13) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, err
		}
		if len(text) == 10 {
			return time.Unix(n, 0).UTC(), nil
		}
		return time.UnixMilli(n).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05.999999999", time.DateTime, "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if ago, ok := parseAgo(strings.TrimPrefix(text, "-")); ok {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("time %q: want RFC 3339, a date, 10 or 13 digits, or a duration ago such as 90s, 1h30m or 7d", text)
}

// maxAgo bounds the weeks and the days of a duration: half of what a Duration holds.
const maxAgo = uint64(math.MaxInt64 / 2)

// parseAgo reads a duration with the units of package time, days and weeks.
func parseAgo(text string) (time.Duration, bool) {
	var total time.Duration
	for _, unit := range []struct {
		letter string
		size   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		count, rest, ok := strings.Cut(text, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(count, 10, 16)
		if err != nil {
			return 0, false
		}
		if n > maxAgo/uint64(unit.size) {
			return 0, false
		}
		total += time.Duration(n) * unit.size
		text = rest
	}
	if text == "" {
		return total, total > 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || strings.HasPrefix(text, "+") || total+d < total {
		return 0, false
	}
	return total + d, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
