package docker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	// endWait is how long an interrupted command may take to end before it is killed.
	endWait = 3 * time.Second
	// maxAnswer bounds what is kept of a command's answer.
	maxAnswer = 16 << 20
	// maxLine bounds a line of a command's output; longer ones come in pieces.
	maxLine = 256 << 10
	// keptLines is how many last lines of stderr an error carries.
	keptLines = 20
)

// command prepares a program that is interrupted when ctx ends and killed when
// that does not help. It runs in a group of its own: an interrupt from the
// terminal is for this process, which then decides what becomes of it.
func (e *Engine) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = e.env
	cmd.Dir = e.dir
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = endWait
	ownGroup(cmd)
	return cmd
}

// output runs a command and returns its stdout.
func (e *Engine) output(ctx context.Context, argv ...string) (string, error) {
	cmd := e.command(ctx, argv...)
	var out limited
	var tail lineTail
	cmd.Stdout = &out
	cmd.Stderr = &tail
	if err := cmd.Run(); err != nil {
		return "", commandError(ctx, argv, err, tail.last(), "")
	}
	if out.cut {
		return "", fmt.Errorf("%s: answer is longer than %d bytes", named(argv), maxAnswer)
	}
	return out.String(), nil
}

// lines runs a command and hands each line of its stdout and stderr, in the
// order in which they come, to each.
func (e *Engine) lines(ctx context.Context, each func(line []byte) error, argv ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := e.command(ctx, argv...)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		return commandError(ctx, argv, err, nil, "")
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = w.Close() // of a pipe, never fails
		ended <- err
	}()
	var tail lineTail
	readErr := eachLine(r, func(line []byte) error {
		tail.add(string(line))
		return each(line)
	})
	if readErr != nil {
		cancel()
		_ = r.CloseWithError(readErr)
	}
	err := <-ended
	if readErr != nil {
		return readErr
	}
	if err != nil {
		return commandError(ctx, argv, err, tail.last(), "")
	}
	return nil
}

// eachLine hands lines without their ends to each, long ones in pieces.
func eachLine(r io.Reader, each func(line []byte) error) error {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := br.ReadSlice('\n')
		if len(line) > 0 {
			if err := each(bytes.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// commandError says what a command said. The context's end wins.
func commandError(ctx context.Context, argv []string, err error, lines []string, text string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", named(argv), ctx.Err())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%s: %w", named(argv), err)
	}
	failed := &CommandError{Command: named(argv), Code: -1, Text: text, Lines: lines}
	if exit != nil {
		failed.Code = exit.ExitCode()
	}
	if failed.Text == "" {
		failed.Text = essence(lines)
	}
	return failed
}

// essence picks what matters of a command's last lines.
func essence(lines []string) string {
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "See '") || strings.HasPrefix(line, "Run '") || strings.HasPrefix(line, "time=") {
			continue
		}
		line = strings.TrimPrefix(line, "docker: ")
		line = strings.TrimPrefix(line, "Error response from daemon: ")
		return strings.TrimSuffix(line, ".")
	}
	return ""
}

// named is the program and its command, without flags: what a reader needs to
// find it again, and nothing that may be secret.
func named(argv []string) string {
	words := []string{programName(argv[0])}
	for i := 1; i < len(argv) && len(words) < 3; i++ {
		if strings.HasPrefix(argv[i], "-") {
			if takesValue(argv[i]) {
				i++
			}
			continue
		}
		words = append(words, argv[i])
	}
	return strings.Join(words, " ")
}

func takesValue(flag string) bool {
	return slices.Contains([]string{"-p", "-f", "--progress", "--project-directory", "--format", "--filter"}, flag)
}

// limited is a buffer that stops at maxAnswer.
type limited struct {
	bytes.Buffer
	cut bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxAnswer {
		l.cut = true
		return len(p), nil
	}
	return l.Buffer.Write(p)
}

// lineTail keeps the last lines that are written to it.
type lineTail struct {
	lines []string
	part  []byte
}

func (t *lineTail) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := maxLine - len(t.part); len(line) > room {
			line = line[:room]
		}
		t.part = append(t.part, line...)
		if whole {
			t.add(string(t.part))
			t.part = t.part[:0]
		}
		rest = after
	}
	return len(p), nil
}

func (t *lineTail) add(line string) {
	t.lines = append(t.lines, strings.TrimRight(line, "\r"))
	if len(t.lines) > keptLines {
		t.lines = slices.Delete(t.lines, 0, 1)
	}
}

func (t *lineTail) last() []string {
	if len(t.part) > 0 {
		t.add(string(t.part))
		t.part = nil
	}
	return t.lines
}
