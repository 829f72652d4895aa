package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"manage-kafka": main})
}

// TestScripts runs testdata/scripts, each with a broker of its own whose
// address is in the environment, and with a home of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "scripts"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			env.Setenv("HOME", home)
			env.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
			// Whatever engine the machine has; the container tier has its own tests.
			env.Setenv("MANAGE_KAFKA_RUNTIME", "embedded")
			// For scripts that take everything else out of PATH.
			path, err := exec.LookPath("manage-kafka")
			if err != nil {
				return err
			}
			env.Setenv("MK", path)
			env.Defer(func() { endStacks(env.T().(testing.TB), filepath.Join(home, "state")) })
			env.Setenv("KAFKA_BROKERS", kafkatest.Start(env.T().(testing.TB)))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "commit": commit, "open-txn": openTxn, "await": await, "stack-pid": stackPID, "take-port": takePort, "http": httpCall},
	})
}

// status runs a program and checks its exit code: status N program args...
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !asExit(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func asExit(err error, exit *interface{ ExitCode() int }) bool { return errors.As(err, exit) }
