package cmd

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// A reader of the output that went away is no failure; any other pipe or connection
// that broke is one.
func TestBrokenPipes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
	}{
		{&os.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}, exitDone},
		{withCode(&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, exitUnreachable), exitUnreachable},
		{&os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, exitFailed},
	} {
		var errOut bytes.Buffer
		a := newApp(nil, os.Stdout, &errOut)
		if code := a.report(t.Context(), fmt.Errorf("doing it: %w", c.err)); code != c.code || (code == exitDone) != (errOut.Len() == 0) {
			t.Errorf("%v: exit %d, want %d, said %q", c.err, code, c.code, errOut.String())
		}
	}
}
