package embedded

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// logPoll is how often a followed log is looked at.
const logPoll = 100 * time.Millisecond

// LogLine is one message of a project's log. Its text has no control characters.
type LogLine struct {
	Time  time.Time
	Level string // INFO, WARN or ERROR
	Text  string
}

// parseLogLine reads a line as [logWriter] writes it. A line of another form,
// torn by a full disk perhaps, comes back as text without time.
func parseLogLine(line string) LogLine {
	stamp, rest, ok := strings.Cut(line, " ")
	at, err := time.Parse(logTime, stamp)
	if !ok || err != nil {
		return LogLine{Text: line}
	}
	level, text, _ := strings.Cut(rest, " ")
	return LogLine{Time: at, Level: level, Text: strings.TrimPrefix(text, strings.Repeat(" ", max(0, 5-len(level))))}
}

// LogPlace is how far a log was read.
type LogPlace struct {
	file os.FileInfo // nil when there was none
	off  int64
}

// ReadLog hands each line of the log at path, older files first, to each, and
// returns where it stopped. A log that does not exist is empty.
func ReadLog(ctx context.Context, path string, each func(LogLine) error) (LogPlace, error) {
	for i := logFiles - 1; i > 0; i-- {
		if _, err := readFrom(ctx, rotated(path, i), 0, each); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return LogPlace{}, err
		}
	}
	at, err := readFrom(ctx, path, 0, each)
	if errors.Is(err, fs.ErrNotExist) {
		return LogPlace{}, nil
	}
	return at, err
}

// FollowLog hands each line that comes after at to each, across rotation and
// restarts, until ctx ends, and returns ctx's error.
func FollowLog(ctx context.Context, path string, at LogPlace, each func(LogLine) error) error {
	tick := time.NewTicker(logPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		next, err := followOn(ctx, path, at, each)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		at = next
	}
}

// followOn reads what came since at. When the file was rotated meanwhile, its
// rest is in the next older one.
func followOn(ctx context.Context, path string, at LogPlace, each func(LogLine) error) (LogPlace, error) {
	info, err := os.Stat(path)
	if err != nil {
		return at, err
	}
	if at.file != nil && !os.SameFile(at.file, info) {
		if old, err := os.Stat(rotated(path, 1)); err == nil && os.SameFile(at.file, old) {
			if _, err := readFrom(ctx, rotated(path, 1), at.off, each); err != nil {
				return at, err
			}
		}
		at = LogPlace{}
	}
	if info.Size() < at.off {
		at.off = 0
	}
	if info.Size() == at.off {
		return LogPlace{file: info, off: at.off}, nil
	}
	return readFrom(ctx, path, at.off, each)
}

// readFrom hands on the whole lines after off.
func readFrom(ctx context.Context, path string, off int64, each func(LogLine) error) (LogPlace, error) {
	f, err := openShared(path, os.O_RDONLY, 0)
	if err != nil {
		return LogPlace{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return LogPlace{}, err
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		return LogPlace{}, err
	}
	r := bufio.NewReaderSize(f, 4*maxLogLine)
	for ctx.Err() == nil {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break // what is left is a line still being written
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return LogPlace{}, err
		}
		off += int64(len(line))
		if err := each(parseLogLine(strings.TrimSuffix(string(line), "\n"))); err != nil {
			return LogPlace{}, err
		}
	}
	return LogPlace{file: info, off: off}, ctx.Err()
}
