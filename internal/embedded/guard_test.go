package embedded

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestOneProcessADirectory also comes by another name to the same directory.
func TestOneProcessADirectory(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	other := t.TempDir()
	if err := os.Symlink(DataDir(b.cfg.Dir), DataDir(other)); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	second := tryServe(t, other)
	second.wait(t)
	if !errors.Is(second.err, ErrInUse) || !strings.Contains(fmt.Sprint(second.err), DataDir(other)) {
		t.Errorf("second broker on the same data: %v, want ErrInUse and the directory", second.err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := TryLock(ctx, path); !errors.Is(err, ErrInUse) {
		t.Errorf("second lock: %v, want ErrInUse", err)
	}
	if !first.Held() {
		t.Error("the first lock is not held")
	}
	if err := os.Remove(path); runtime.GOOS == "windows" {
		if err == nil {
			t.Error("the file of a lock was removed, which Windows does not let happen")
		}
		if err := first.Unlock(); err != nil {
			t.Error(err)
		}
		return
	} else if err != nil {
		t.Fatal(err)
	}
	if first.Held() {
		t.Error("a lock on a removed file counts as held")
	}
	second, err := TryLock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Held() || first.Held() {
		t.Error("of two locks the one on the present file is held")
	}
	if err := errors.Join(first.Unlock(), second.Unlock()); err != nil {
		t.Error(err)
	}
}

func TestRemovedDataEndsTheBroker(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be removed")
	}
	b := serveFor(t, t.TempDir())
	if err := os.RemoveAll(DataDir(b.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	b.wait(t)
	if !errors.Is(b.err, ErrPersist) || !strings.Contains(fmt.Sprint(b.err), DataDir(b.cfg.Dir)) {
		t.Errorf("broker ended with %v, want ErrPersist and the directory", b.err)
	}
}

func TestLowSpaceStopsTheBroker(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	produce(t, c, "kept")
	b.free.Store(DefaultMinFree - 1)
	b.wait(t)
	if !errors.Is(b.err, ErrLowSpace) {
		t.Fatalf("broker ended with %v, want ErrLowSpace", b.err)
	}
	again := serveFor(t, b.cfg.Dir)
	if got := again.committed(t); got != "kept" {
		t.Errorf("read %q, want kept", got)
	}
}

func TestLowSpaceRefusesToStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := serve(t.Context(), Config{Dir: dir, Port: freePort(t)}, strings.NewReader(""), &notices{w: io.Discard},
		func(string) (uint64, error) { return DefaultMinFree - 1, nil })
	if !errors.Is(err, ErrLowSpace) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrLowSpace and the directory", err)
	}
	if !isEmpty(brokerDir(dir)) {
		t.Error("the broker left files behind")
	}
}

// TestFailedWriteIsNeverAcknowledged takes the directory away under the broker.
func TestFailedWriteIsNeverAcknowledged(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	partitions := clusterFiles(brokerDir(b.cfg.Dir)).path("partitions")
	if err := os.RemoveAll(partitions); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(partitions, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	acked := make(chan error, 1)
	c.Produce(ctx, kgo.StringRecord("lost"), func(_ *kgo.Record, err error) { acked <- err })
	b.wait(t)
	if !errors.Is(b.err, ErrPersist) {
		t.Fatalf("broker ended with %v, want ErrPersist", b.err)
	}
	c.Close() // in its own process the broker's end would end the connection
	if err := <-acked; err == nil {
		t.Error("a record was acknowledged that could not be written")
	}
}

// TestStrangersDoNotHarm connects what is no Kafka client.
func TestStrangersDoNotHarm(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	for name, bytes := range map[string]string{
		"http":        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"unknown api": "\x00\x00\x00\x0a\x7f\x7f\x00\x00\x00\x00\x00\x01\xff\xff",
		"too small":   "\x00\x00\x00\x00\x00\x00\x00\x00",
		"negative":    "\xff\xff\xff\xff\x00\x03\x00\x00",
	} {
		conn, err := net.Dial("tcp", b.cfg.Endpoint())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, bytes); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d bytes, %v; want a closed connection", name, n, err)
		}
		_ = conn.Close()
	}
	createTopic(t, b.client(t), "t") // it still answers
	if logs := *b.logs.Load(); strings.Count(logs, "connection closed") != 4 {
		t.Errorf("log does not tell of the four strangers:\n%s", logs)
	}
}

func FuzzFramedConn(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 4)
	f.Add([]byte("\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"), 1)
	f.Fuzz(func(t *testing.T, in []byte, chunk int) {
		client, server := net.Pipe()
		go func() {
			_, _ = client.Write(in)
			_ = client.Close()
		}()
		c := &framedConn{Conn: server, refuse: func(net.Addr, string) {}}
		buf := make([]byte, max(1, chunk%64))
		var got []byte
		for {
			n, err := c.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				break
			}
		}
		_ = server.Close()
		if !strings.HasPrefix(string(in), string(got)) {
			t.Errorf("gave out %q of %q", got, in)
		}
	})
}

func TestFormat(t *testing.T) {
	t.Parallel()
	logf := func(string, string, ...any) {}
	plenty := func(string) (uint64, error) { return 1 << 40, nil }
	for _, c := range []struct {
		name, format string // format.json, empty for none
		want         error
		backup       bool
	}{
		{"same", fmt.Sprintf(`{"format":%d,"kfake":%q}`, formatNumber, kfakeVersion), nil, false},
		{"older", `{"format":1,"kfake":"v0.0.0-20250101000000-000000000000"}`, nil, true},
		{"newer kfake", `{"format":1,"kfake":"v0.0.0-20990101000000-000000000000"}`, ErrFormat, false},
		{"newer format", fmt.Sprintf(`{"format":%d,"kfake":%q}`, formatNumber+1, kfakeVersion), ErrFormat, false},
		{"none", "", ErrFormat, false},
		{"damaged", `{"format":`, ErrFormat, false},
		{"nonsense", `{"format":1,"kfake":"latest"}`, ErrFormat, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.MkdirAll(brokerDir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(brokerDir(dir), "meta.json"), []byte(`{"version":1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.format != "" {
				if err := os.WriteFile(formatFile(dir), []byte(c.format), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := openFormat(dir, DefaultMinFree, plenty, logf); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			backups, err := filepath.Glob(filepath.Join(DataDir(dir), "backup-*", "meta.json"))
			if err != nil || (len(backups) == 1) != c.backup {
				t.Errorf("backups %v, %v", backups, err)
			}
			var now dataFormat
			if err := readJSON(formatFile(dir), &now); c.want == nil && (err != nil || now.Kfake != kfakeVersion) {
				t.Errorf("recorded %+v, %v", now, err)
			}
		})
	}
}

func TestMigrationNeedsSpaceForItsCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(brokerDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(brokerDir(dir), "0.dat"), make([]byte, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(formatFile(dir), dataFormat{Format: 1, Kfake: "v0.0.0-20250101000000-000000000000"}); err != nil {
		t.Fatal(err)
	}
	err := openFormat(dir, 1000, func(string) (uint64, error) { return 2999, nil }, func(string, string, ...any) {})
	if !errors.Is(err, ErrLowSpace) {
		t.Errorf("got %v, want ErrLowSpace", err)
	}
}

func TestKfakeVersionIsTheModules(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/twmb/franz-go/pkg/kfake " + kfakeVersion; !strings.Contains(string(body), want) {
		t.Errorf("go.mod does not have %q: a new kfake needs kfakeVersion, kfakeFormat and judge looked at", want)
	}
}

// TestEveryKfakeMessageIsJudged reads kfake's source: a message that nobody
// has judged may be a failed write.
func TestEveryKfakeMessageIsJudged(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/twmb/franz-go/pkg/kfake").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[verdict]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			level, ok := call.Args[0].(*ast.Ident)
			if !ok || level.Name != "LogLevelWarn" && level.Name != "LogLevelError" {
				return true
			}
			text, ok := call.Args[1].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: message that is no literal", file)
				return true
			}
			format, err := strconv.Unquote(text.Value)
			if err != nil {
				t.Fatal(err)
			}
			v := judge(format)
			found[v]++
			if v == unknown {
				t.Errorf("%s: nobody has judged %q", filepath.Base(file), format)
			}
			return true
		})
	}
	if found[fatal] < 20 || found[harmless] < 10 {
		t.Errorf("found %d fatal and %d harmless messages; the search is broken", found[fatal], found[harmless])
	}
}
