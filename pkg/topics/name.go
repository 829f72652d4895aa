package topics

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/topicname"
)

// MaxNameLength is the longest topic name in bytes: a partition's directory,
// the name with a dash, a number and a suffix, must fit a file name.
const MaxNameLength = topicname.MaxLength

// DLQSuffix makes a topic's name into that of its dead letter queue.
const DLQSuffix = ".dlq"

// CheckName tells whether Kafka accepts name for a topic: 1 to 249 of the
// characters a-z, A-Z, 0-9, '.', '_' and '-', and neither "." nor "..". The
// error is [ErrInvalidName].
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidName)
	case name == "." || name == "..":
		return fmt.Errorf("%w %q: it would be a directory of the broker", ErrInvalidName, name)
	}
	for i, r := range name {
		if r == utf8.RuneError {
			return fmt.Errorf("%w %q: byte %d is not valid UTF-8", ErrInvalidName, clip(name), i+1)
		}
		if !topicname.Rune(r) {
			return fmt.Errorf("%w %q: character %q; want letters, digits, '.', '_' and '-'", ErrInvalidName, clip(name), r)
		}
	}
	if len(name) > MaxNameLength {
		return fmt.Errorf("%w %q: %d characters, at most %d", ErrInvalidName, clip(name), len(name), MaxNameLength)
	}
	return nil
}

// clip keeps a hostile name from filling the screen.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// Collides tells whether a cluster refuses to hold both names: they differ,
// and only in '.' and '_', which Kafka's metrics cannot tell apart.
func Collides(a, b string) bool {
	return a != b && len(a) == len(b) && metricName(a) == metricName(b)
}

func metricName(name string) string { return strings.ReplaceAll(name, ".", "_") }

// IsDLQ tells whether name is that of a dead letter queue, and of which topic.
func IsDLQ(name string) (source string, ok bool) {
	source, ok = strings.CutSuffix(name, DLQSuffix)
	return source, ok && source != ""
}
