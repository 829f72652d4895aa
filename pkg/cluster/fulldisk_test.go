//go:build linux

package cluster_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFullDisk runs the whole program over a small file system of its own.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=300m"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(t.TempDir(), "manage-kafka")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+disk, "MANAGE_KAFKA_RUNTIME=embedded", "KAFKA_BROKERS=", "MANAGE_KAFKA_BOOTSTRAP_SERVER=")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // judged by its exit code
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, got, want, out.String())
		}
		return out.String()
	}
	defer run(0, "stop") // before the test's context ends
	run(0, "start", "--port-offset", "11090")
	fill := filepath.Join(disk, "fill")
	if err := os.WriteFile(fill, make([]byte, 80<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		cmd := exec.CommandContext(t.Context(), program, "status", "-q")
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+disk)
		_ = cmd.Run() // judged by its exit code
		if cmd.ProcessState.ExitCode() == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker runs on without space")
		}
	}
	for _, call := range []struct {
		code int
		args []string
	}{{3, []string{"status"}}, {1, []string{"start"}}} {
		out := run(call.code, call.args...)
		if !strings.Contains(out, "MB free, the broker needs 256 MB") {
			t.Errorf("%v does not say why:\n%s", call.args, out)
		}
		if call.code == 1 && !strings.Contains(out, "hint: free space on that disk, ") {
			t.Errorf("%v does not say what to do:\n%s", call.args, out)
		}
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	run(0, "start")
	if out := run(0, "list-topics", "-o", "name"); strings.Count(out, "\n") != 12 {
		t.Errorf("topics after the disk was full:\n%s", out)
	}
}
