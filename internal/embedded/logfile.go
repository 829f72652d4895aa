package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

const (
	// logFileSize is where a log file ends and the next begins.
	logFileSize = 4 << 20
	// logFiles is how many are kept, so that logs never take more than 12 MB.
	logFiles = 3
	// maxLogLine cuts longer lines.
	maxLogLine = 8 << 10
	logTime    = "2006-01-02T15:04:05.000Z07:00"
)

// logWriter writes the log of a supervisor and its broker: one line a message,
// with time and level, in files of bounded size.
type logWriter struct {
	mu   sync.Mutex
	path string
	size int64
	file *os.File
	cap  int64
	tee  func(LogLine)
}

func newLogWriter(path string, tee func(LogLine)) (*logWriter, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	w := &logWriter{path: path, cap: logFileSize, tee: tee}
	return w, w.open()
}

func (w *logWriter) open() error {
	f, err := openShared(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.file, w.size = f, info.Size()
	return w.endTornLine()
}

// endTornLine begins a new line after one that a full disk or a killed
// supervisor cut off.
func (w *logWriter) endTornLine() error {
	if w.size == 0 {
		return nil
	}
	f, err := os.Open(w.path)
	if err != nil {
		return err
	}
	defer f.Close()
	var last [1]byte
	if _, err := f.ReadAt(last[:], w.size-1); err != nil || last[0] == '\n' {
		return err
	}
	n, err := w.file.WriteString("\n")
	w.size += int64(n)
	return err
}

// Printf logs one message. A log that cannot be written is given up silently:
// the disk is full then, and the free-space watch has more to say about it.
func (w *logWriter) Printf(level, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(text) > maxLogLine {
		cut := maxLogLine
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	line := LogLine{Time: time.Now().UTC(), Level: level, Text: terminal.Escape(text)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.size >= w.cap {
		w.rotate()
	}
	n, _ := fmt.Fprintf(w.file, "%s %-5s %s\n", line.Time.Format(logTime), level, line.Text)
	w.size += int64(n)
	if w.tee != nil {
		w.tee(line)
	}
}

// rotate moves each file one further. Where that fails, as on Windows while another
// program has the file open, it goes on with the one it has.
func (w *logWriter) rotate() {
	for i := logFiles - 1; i > 0; i-- {
		from := rotated(w.path, i-1)
		if err := os.Rename(from, rotated(w.path, i)); err != nil && i == 1 {
			w.size = 0
			return
		}
	}
	old := w.file
	if err := w.open(); err == nil {
		_ = old.Close()
	}
}

// rotated is the name of the i-th older file.
func rotated(path string, i int) string {
	if i == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, i)
}

// Close ends the log.
func (w *logWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.Close()
}
