package embedded

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	commandStatus = "status"
	commandStop   = "stop"
	// controlTimeout bounds one exchange on the control endpoint.
	controlTimeout = 5 * time.Second
	maxControl     = 64 << 10
)

// running is the file by which other processes find the supervisor. It is
// readable by the user alone: on TCP the token is all that guards the endpoint.
type running struct {
	PID     int    `json:"pid"`
	Network string `json:"network"` // unix or tcp
	Address string `json:"address"`
	Token   string `json:"token"`
}

type controlRequest struct {
	Token   string `json:"token"`
	Command string `json:"command"`
}

type controlResponse struct {
	Report Report `json:"report"`
	Error  string `json:"error,omitempty"`
}

// control is the supervisor's endpoint: one request and one answer a
// connection, each a line of JSON. After a stop the connection stays open
// until the process ends, so that a caller sees the end itself.
type control struct {
	listener net.Listener
	token    string
	answer   func(command string) (Report, error)
	runFile  string
	socket   string // removed on Close
	wg       sync.WaitGroup
	done     chan struct{}
}

func listenControl(dir string, answer func(string) (Report, error)) (*control, error) {
	token := make([]byte, 32)
	if _, err := rand.Read(token); err != nil {
		return nil, err
	}
	c := &control{answer: answer, token: base64.RawURLEncoding.EncodeToString(token), runFile: runFile(dir), done: make(chan struct{})}
	l, socket, err := listenPrivate(dir)
	if err != nil {
		return nil, err
	}
	c.listener, c.socket = l, socket
	addr := l.Addr()
	if err := writeJSON(c.runFile, running{PID: os.Getpid(), Network: addr.Network(), Address: addr.String(), Token: c.token}); err != nil {
		_ = l.Close()
		return nil, err
	}
	c.wg.Go(c.serve)
	return c, nil
}

// listenPrivate listens where only this user can connect: on a Unix socket in
// a directory of mode 0700, or, where there are none, on loopback, where the
// token has to do.
func listenPrivate(dir string) (net.Listener, string, error) {
	path, err := socketPath(dir)
	if err != nil {
		return nil, "", err
	}
	// A killed supervisor leaves its socket; the run lock says that none lives.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	l, unixErr := net.Listen("unix", path)
	if unixErr == nil {
		return l, path, os.Chmod(path, 0o600)
	}
	if !noUnixSockets {
		return nil, "", unixErr
	}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	return l, "", err
}

func (c *control) serve() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.wg.Go(func() { c.handle(conn) })
	}
}

func (c *control) handle(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(controlTimeout))
	line, err := bufio.NewReader(io.LimitReader(conn, maxControl)).ReadBytes('\n')
	if err != nil {
		return
	}
	var req controlRequest
	var res controlResponse
	if json.Unmarshal(line, &req) != nil || subtle.ConstantTimeCompare([]byte(req.Token), []byte(c.token)) != 1 {
		res.Error = "wrong token or malformed request"
	} else if res.Report, err = c.answer(req.Command); err != nil {
		res.Error = err.Error()
	}
	body, err := json.Marshal(res)
	if err != nil {
		return
	}
	if _, err := conn.Write(append(body, '\n')); err != nil || req.Command != commandStop || res.Error != "" {
		return
	}
	<-c.done
}

// Close ends the endpoint and waits for its connections.
func (c *control) Close() error {
	err := errors.Join(os.Remove(c.runFile), c.listener.Close())
	close(c.done)
	c.wg.Wait()
	return err
}

// Remote is another process's view of a running supervisor.
type Remote struct {
	dir string
	run running
}

// Dial finds the supervisor of the project in dir and asks it for its state.
// It reports [ErrNotRunning] when there is none, also after it was killed.
func Dial(ctx context.Context, dir string) (*Remote, Report, error) {
	r := Remote{dir: dir}
	if err := readJSON(runFile(dir), &r.run); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, Report{}, ErrNotRunning
		}
		return nil, Report{}, err
	}
	report, conn, err := r.ask(ctx, commandStatus)
	if err != nil {
		return nil, Report{}, err
	}
	return &r, report, conn.Close()
}

// PID is the supervisor's process id.
func (r *Remote) PID() int { return r.run.PID }

// Stop asks the supervisor to end the broker and itself, and waits for the
// end of its process until ctx is done.
func (r *Remote) Stop(ctx context.Context) error {
	_, conn, err := r.ask(ctx, commandStop)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn) // ends with the process, however it ends
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A process that ends closes its files in no order to rely on: the next
	// start must not find the lock of the one that was stopped.
	gone, err := supervisorGone(ctx, r.dir, lockPatience)
	if err == nil && !gone {
		err = fmt.Errorf("process %d: %w", r.run.PID, ErrInUse)
	}
	return err
}

func (r *Remote) ask(ctx context.Context, command string) (Report, net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, r.run.Network, r.run.Address)
	if err != nil {
		if ctx.Err() != nil {
			return Report{}, nil, ctx.Err()
		}
		return Report{}, nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	report, err := exchange(ctx, conn, controlRequest{Token: r.run.Token, Command: command})
	if err != nil {
		_ = conn.Close()
		if hungUp(err) {
			return Report{}, nil, fmt.Errorf("%w: it ended just now", ErrNotRunning)
		}
		return Report{}, nil, fmt.Errorf("control endpoint of process %d: %w", r.run.PID, err)
	}
	return report, conn, nil
}

// hungUp tells a connection that the other process's end has closed.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func exchange(ctx context.Context, conn net.Conn, req controlRequest) (Report, error) {
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	body, err := json.Marshal(req)
	if err != nil {
		return Report{}, err
	}
	if _, err := conn.Write(append(body, '\n')); err != nil {
		return Report{}, err
	}
	var res controlResponse
	if err := json.NewDecoder(io.LimitReader(conn, maxControl)).Decode(&res); err != nil {
		if ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
		return Report{}, err
	}
	if res.Error != "" {
		return Report{}, errors.New(res.Error)
	}
	return res.Report, nil
}

// maxSocketPath is the length of sun_path on macOS; Linux has four bytes more.
const maxSocketPath = 103

// socketPath is where the control socket of the project in dir goes: beside its
// files, or, where that path is too long for a socket, in a private directory
// below the temporary one.
func socketPath(dir string) (string, error) {
	if path := filepath.Join(dir, "control.sock"); len(path) <= maxSocketPath {
		return path, nil
	}
	private, err := privateTempDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(private, shortName(dir)+".sock"), nil
}
