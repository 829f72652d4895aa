package embedded

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRegistryTaken holds that a stack without its registry does not start, and
// that its broker's data is not touched.
func TestRegistryTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	cfg := Config{Dir: dir, Port: freePort(t), RegistryPort: l.Addr().(*net.TCPAddr).Port}
	err = serve(t.Context(), cfg, strings.NewReader(""), &notices{w: io.Discard}, func(string) (uint64, error) { return 1 << 40, nil })
	if err == nil || !strings.HasPrefix(err.Error(), "schema-registry: ") {
		t.Errorf("got %v, want an error of the registry", err)
	}
	if HasData(dir) {
		t.Error("the broker left files behind")
	}
}

// TestDamagedSchemas holds that a damaged journal ends the start with the file's name.
func TestDamagedSchemas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(RegistryDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(RegistryDir(dir), "journal")
	if err := os.WriteFile(journal, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Dir: dir, Port: freePort(t), RegistryPort: freePort(t)}
	err := serve(t.Context(), cfg, strings.NewReader(""), &notices{w: io.Discard}, func(string) (uint64, error) { return 1 << 40, nil })
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), journal) {
		t.Errorf("got %v, want ErrFormat and %s", err, journal)
	}
}

// TestRegistryEndsWithTheBroker serves both, then neither.
func TestRegistryEndsWithTheBroker(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Port: freePort(t), RegistryPort: freePort(t)}
	in, hold := io.Pipe()
	out, notes := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- serve(t.Context(), cfg, in, &notices{w: notes}, func(string) (uint64, error) { return 1 << 40, nil })
		_ = notes.Close()
	}()
	buf := make([]byte, 4096)
	var said strings.Builder
	for !strings.Contains(said.String(), `"ready":true`) {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatalf("ended before it was ready: %v, %v", err, <-done)
		}
		said.Write(buf[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	res, err := http.Get(cfg.RegistryURL() + "/subjects")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("registry: %v, %v", res, err)
	}
	_ = res.Body.Close()
	_ = hold.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(cfg.RegistryURL(), "http://")); err == nil {
		_ = conn.Close()
		t.Error("the registry still listens")
	}
}
