package cmd

import (
	"context"
	"io"
	"os"
)

// openUntil is os.Open; that of a named pipe, which waits for somebody to write, ends
// with ctx.
func openUntil(ctx context.Context, name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := os.Open(name)
		done <- opened{file, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fileUntil reads a file, and one that can block until ctx ends.
func fileUntil(ctx context.Context, file *os.File) io.Reader {
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		return file
	}
	return readUntil(ctx, file)
}

// readUntil is r until ctx ends. A read that blocks then, as on a terminal,
// cannot be interrupted: it is left behind and ends with its reader, touching
// nothing that anybody else has.
func readUntil(ctx context.Context, r io.Reader) io.Reader {
	u := &untilReader{ctx: ctx, pieces: make(chan piece), free: make(chan []byte, 1)}
	u.free <- make([]byte, 256<<10)
	go u.run(r)
	return u
}

type piece struct {
	data []byte
	err  error
}

type untilReader struct {
	ctx    context.Context
	pieces chan piece
	free   chan []byte
	whole  []byte // the buffer that rest is in
	rest   []byte
	err    error
}

func (u *untilReader) run(r io.Reader) {
	for {
		var buf []byte
		select {
		case buf = <-u.free:
		case <-u.ctx.Done():
			return
		}
		n, err := r.Read(buf)
		select {
		case u.pieces <- piece{buf[:n], err}:
		case <-u.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (u *untilReader) Read(p []byte) (int, error) {
	if len(u.rest) == 0 && u.err == nil {
		if u.whole != nil {
			u.free <- u.whole[:cap(u.whole)]
			u.whole = nil
		}
		select {
		case got := <-u.pieces:
			u.whole, u.rest, u.err = got.data, got.data, got.err
		case <-u.ctx.Done():
			return 0, u.ctx.Err()
		}
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	if len(u.rest) == 0 && n == 0 {
		return 0, u.err
	}
	return n, nil
}
