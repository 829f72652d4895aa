package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// endStacks ends every stack that a script left running below a state directory.
func endStacks(t testing.TB, stateHome string) {
	dirs, err := filepath.Glob(filepath.Join(stateHome, "manage-kafka", "*"))
	if err != nil {
		t.Error(err)
	}
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		if err := embedded.Signal(t.Context(), dir, true, 10*time.Second); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// await runs a program until it ends well: await program args...
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await program [args...]")
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("still fails: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// stackPID takes the process id of a service out of the last output of
// "status -o json": stack-pid VARIABLE.
func stackPID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stack-pid variable")
	}
	var status struct {
		Services []struct {
			PID int `json:"pid"`
		} `json:"services"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &status))
	if len(status.Services) == 0 || status.Services[0].PID == 0 {
		ts.Fatalf("no service with a process id")
	}
	ts.Setenv(args[0], strconv.Itoa(status.Services[0].PID))
}

// takePort listens on a port of loopback until the script ends: take-port PORT.
func takePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: take-port port")
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", args[0]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(l.Close()) })
	ts.Setenv("HOLDER", strconv.Itoa(os.Getpid()))
}
