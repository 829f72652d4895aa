package embedded

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// verdict is what a message of kfake means for the data.
type verdict int

const (
	unknown verdict = iota
	harmless
	// fatal is a write that failed, or data that could not be read back. kfake
	// only logs it, and goes on: after a failed write it even acknowledges the
	// client's retry, which its idempotence takes for a duplicate.
	fatal
)

// judge knows every warning and error of the pinned kfake by the start of its
// format. A test holds this list against kfake's source.
func judge(format string) verdict {
	for _, start := range []string{
		"persist ", "save session state", "delete topic ", "compact ", "rebuildSegments ", "endTx: failed to persist",
		"partition %s-%d segment %d: open for truncate", "partition %s-%d segment %d: truncate:",
		"partition %s-%d: stat active segment",
	} {
		if strings.HasPrefix(format, start) {
			return fatal
		}
	}
	for _, start := range []string{
		"consumerHeartbeatLate", "consumerRebalanceTimeout", "consumerSessionTimeout", "OffsetCommit STALE",
		"group %s: addPartitionEpochs", "txn timeout abort", "txn: EndTxn slow",
		"load session state", "session_state.json: corrupt", "pids.log: ", "groups.log: discarding",
		"partition %s-%d: malformed control batch", "partition %s-%d: empty control batch",
		"partition %s-%d segment %d: truncating %d corrupt bytes",
	} {
		if strings.HasPrefix(format, start) {
			return harmless
		}
	}
	return unknown
}

// phase is where the broker is in its life.
type phase int

const (
	loading phase = iota
	serving
	closing
)

// brokerLog is kfake's logger. The first fatal message ends the broker: while
// it serves, Logf then never returns, so that kfake's one goroutine cannot
// answer another request before the process is gone.
type brokerLog struct {
	log   func(level, text string)
	fatal chan error // holds the first

	mu    sync.Mutex
	phase phase
}

func newBrokerLog(log func(level, text string)) *brokerLog {
	return &brokerLog{log: log, fatal: make(chan error, 1)}
}

func (l *brokerLog) enter(p phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase = p
}

// Logf implements [kfake.Logger].
func (l *brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelInfo {
		return
	}
	text := fmt.Sprintf(format, args...)
	l.log(levelName(level), text)
	if level > kfake.LogLevelWarn || judge(format) != fatal {
		return
	}
	l.mu.Lock()
	serves := l.phase == serving
	l.mu.Unlock()
	l.fail(errors.New(text))
	if serves {
		select {}
	}
}

// fail ends the broker for an error of writing or reading its files.
func (l *brokerLog) fail(err error) {
	select {
	case l.fatal <- fmt.Errorf("%w: %w", ErrPersist, err):
	default: // one is enough
	}
}

// err is the first fatal message, if there was one.
func (l *brokerLog) err() error {
	select {
	case err := <-l.fatal:
		return err
	default:
		return nil
	}
}

func levelName(level kfake.LogLevel) string {
	switch level {
	case kfake.LogLevelError:
		return "ERROR"
	case kfake.LogLevelWarn:
		return "WARN"
	}
	return "INFO"
}
