//go:build unix

package cmd

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C ends every command that waits for what nobody writes: a named pipe that
// has no writer, and a standard input that says nothing.
func TestInterruptWhileAnInputWaits(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"producer t --file PIPE", "producer t --template PIPE --count 1", "producer t --template - --count 1",
		"emit-event --file PIPE", "emit-event --data @PIPE", "emit-event --data -", "emit-event a.b --schema PIPE --data {}",
		"apply -f PIPE", "apply -f -", "events check PIPE", "groups reset g --to file:PIPE", "dlq apply PIPE",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			interrupt()
			in, say := io.Pipe()
			defer say.Close()
			var errOut bytes.Buffer
			ended := make(chan int, 1)
			go func() {
				a := newApp(in, io.Discard, &errOut)
				ended <- a.run(ctx, strings.Fields(strings.ReplaceAll(line, "PIPE", pipe)))
			}()
			select {
			case code := <-ended:
				if code != exitInterrupted || !strings.Contains(errOut.String(), "interrupted") {
					t.Errorf("exit code %d: %s", code, errOut.String())
				}
			case <-time.After(20 * time.Second):
				t.Error("it does not end")
			}
			// What was left behind in the opening of the pipe ends here.
			if f, err := os.OpenFile(pipe, os.O_RDWR, 0); err == nil {
				_ = f.Close()
			}
		})
	}
}
