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
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		fds := []unix.PollFd{{Fd: int32(f.Fd())}}
		for ctx.Err() == nil {
			const milliseconds = 100
			n, err := unix.Poll(fds, milliseconds)
			if err != nil && err != unix.EINTR || n > 0 && fds[0].Revents&unix.POLLNVAL != 0 {
				return
			}
			if n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
				gone()
				return
			}
		}
	})
	return func() { cancel(); watch.Wait() }
}
