//go:build unix

package cmd

import (
	"context"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watchOutput calls gone when the reader of a pipe or socket hangs up, also
// while nothing is written to it. The returned function ends the watch.
func watchOutput(ctx context.Context, out io.Writer, gone func()) (stop func()) {
	f, ok := out.(*os.File)
	if !ok {
		return func() {}
	}
	// Closing the one end wakes the watch: a command that is done ends at once.
	wake, waker, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		fds := []unix.PollFd{{Fd: int32(f.Fd())}, {Fd: int32(wake.Fd())}}
		for ctx.Err() == nil {
			const milliseconds = 100 // some systems tell of it only when asked anew
			_, err := unix.Poll(fds, milliseconds)
			switch {
			case err == unix.EINTR:
			case err != nil || fds[1].Revents != 0 || fds[0].Revents&unix.POLLNVAL != 0:
				return
			case fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
				gone()
				return
			}
		}
	})
	return func() {
		_ = waker.Close()
		watch.Wait()
		_ = wake.Close()
	}
}
