// Package postgres runs PostgreSQL for tests: a server of the installed release
// on data of its own, reached over a Unix socket in a private directory, so that
// no port is taken and nobody else gets in.
//
// [Start] gives a test its own server, which it may kill and restart. [Shared]
// gives all tests of a binary one server, in which each takes a database of its
// own with [Server.Database]; such a binary's TestMain calls [Main].
//
// On Linux every server dies with the test binary, however that ends. Elsewhere
// it dies with the test's clean-up.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// Options say what server a test needs. The zero value is one that does not
// wait for the disk, which survives a killed process but no power loss.
type Options struct {
	// Settings are more lines of postgresql.conf; they win over the harness's own.
	Settings map[string]string
}

// startTimeout is five times what a server takes on a machine with two busy
// cores.
const startTimeout = 60 * time.Second

// Server is a running PostgreSQL. Its methods end the test when they fail, so
// they belong to the test's own goroutine.
type Server struct {
	Dir string // data, socket and log; removed at the end

	t      testing.TB
	opts   Options
	kit    kit
	run    *running
	shared bool
	made   *atomic.Int64 // databases so far
}

// Start runs a server until the test ends and returns once it takes
// connections. A test that failed shows the end of its log.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	tier.Real(t)
	s, err := start(t.Context(), opts)
	endWithout(t, err)
	s.t = t
	t.Cleanup(func() {
		s.run.kill()
		if t.Failed() {
			t.Logf("end of the log of PostgreSQL:\n%s", s.logTail())
		}
		s.remove()
	})
	return s
}

// endWithout skips the test where PostgreSQL is not installed and fails it where
// it does not start.
func endWithout(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) {
		tier.Missing(t, "PostgreSQL 15 or newer", "Debian: apt-get install postgresql")
	}
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
}

func start(ctx context.Context, opts Options) (*Server, error) {
	k, err := findKit()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mk-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, opts: opts, kit: k, made: new(atomic.Int64)}
	if err := s.create(ctx); err != nil {
		s.remove()
		return nil, err
	}
	if err := s.launch(ctx); err != nil {
		err = fmt.Errorf("%w\n%s", err, s.logTail())
		s.remove()
		return nil, err
	}
	return s, nil
}

// create makes the data directory, owned by whom the server runs as.
func (s *Server) create(ctx context.Context) error {
	if err := s.kit.own(s.Dir); err != nil {
		return err
	}
	initdb := exec.CommandContext(ctx, s.kit.program("initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	s.kit.as(initdb)
	initdb.Dir = s.Dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	settings := map[string]string{
		"listen_addresses": "''", "unix_socket_directories": "'" + s.Dir + "'", "port": "5432",
		"fsync": "off", "max_connections": "200", "shared_buffers": "32MB", "logging_collector": "off",
	}
	for name, value := range s.opts.Settings {
		settings[name] = value
	}
	var conf strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&conf, "%s = %s\n", name, value)
	}
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(conf.String())
	return errors.Join(err, f.Close())
}

func (s *Server) data() string    { return filepath.Join(s.Dir, "data") }
func (s *Server) logPath() string { return filepath.Join(s.Dir, "log") }

func (s *Server) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.Command(s.kit.program("postgres"), "-D", s.data())
	cmd.Dir = s.Dir
	s.kit.as(cmd)
	run, err := launch(cmd, s.logPath())
	if err != nil {
		return err
	}
	if err := s.await(ctx, run); err != nil {
		run.kill()
		return err
	}
	s.run = run
	return nil
}

// await polls the server until it takes a connection.
func (s *Server) await(ctx context.Context, run *running) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := exec.CommandContext(ctx, s.kit.program("pg_isready"), "-q", "-h", s.Dir, "-U", "postgres")
		if ready.Run() == nil {
			return nil
		}
		select {
		case <-run.done:
			return fmt.Errorf("the server ended while starting: %v", run.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *Server) remove() { _ = os.RemoveAll(s.Dir) }

func (s *Server) logTail() string {
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(log), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// DSN returns how to connect to a database as the superuser, in the form of
// key=value that psql and pgx take.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s sslmode=disable", s.Dir, database)
}

// Database makes an empty database and returns how to connect to it. One of a
// shared server stays until that ends.
func (s *Server) Database() string {
	s.t.Helper()
	name := "test" + strconv.FormatInt(s.made.Add(1), 10)
	s.Psql(s.DSN("postgres"), "-c", "CREATE DATABASE "+name)
	return s.DSN(name)
}

// Psql runs the psql client on a database with the arguments, such as -f and a
// file, stops at the first error, and returns what it printed.
func (s *Server) Psql(dsn string, args ...string) string {
	s.t.Helper()
	full := slices.Concat([]string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn}, args)
	out, err := exec.CommandContext(s.t.Context(), s.kit.program("psql"), full...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("psql %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// Program returns the path of a program of the release, such as pg_dump.
func (s *Server) Program(name string) string { return s.kit.program(name) }

// Kill ends the server with SIGKILL and waits until it is gone. Its data stays.
func (s *Server) Kill() {
	s.t.Helper()
	s.own()
	s.run.kill()
	// What a killed server leaves behind keeps the next one from starting
	// while a child of the old one lives; it says so and is tried again.
}

// Restart runs the server again on its data after [Server.Kill].
func (s *Server) Restart() {
	s.t.Helper()
	s.own()
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.launch(s.t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("restarting PostgreSQL: %v\n%s", err, s.logTail())
		}
	}
}

// own refuses to hurt a server that others use.
func (s *Server) own() {
	s.t.Helper()
	if s.shared {
		s.t.Fatal("the shared server is not this test's to kill")
	}
}
