package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestTakenPortNamesItsHolder(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
		l := listen(t, host)
		port := l.Addr().(*net.TCPAddr).Port
		var taken *PortError
		if err := checkPort(port, ServiceKafka); !errors.As(err, &taken) || !errors.Is(err, ErrPortTaken) || taken.Port != port {
			t.Fatalf("%s: %v, want a PortError", host, err)
		}
		if runtime.GOOS == "linux" && (taken.PID != os.Getpid() || !strings.Contains(taken.Error(), "cluster.test (pid ")) {
			t.Errorf("%s: %v, want this process", host, taken)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := checkPort(port, ServiceKafka); err != nil {
			t.Errorf("%s: free again: %v", host, err)
		}
	}
}

// listen takes a port below those that systems give to outgoing connections, so
// that it is free again when the listener is closed.
func listen(t *testing.T, host string) net.Listener {
	t.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, 23600+rand.IntN(400))); err == nil {
			return l
		}
	}
	t.Fatal("no free port")
	return nil
}

func TestParseNetstat(t *testing.T) {
	t.Parallel()
	const out = "\r\nAktive Verbindungen\r\n\r\n  Proto  Lokale Adresse  Remoteadresse  Status  PID\r\n" +
		"  TCP    127.0.0.1:19092  127.0.0.1:9092  HERGESTELLT  11\r\n" +
		"  TCP    127.0.0.1:9092  127.0.0.1:19092  HERGESTELLT  12\r\n" +
		"  TCP    0.0.0.0:9092  0.0.0.0:0  ABHÖREN  4711\r\n" +
		"  TCP    [::]:8081  [::]:0  ABHÖREN  4712\r\n"
	for port, want := range map[int]int{9092: 4711, 8081: 4712, 19092: 0, 92: 0} {
		if got := parseNetstat(out, port); got != want {
			t.Errorf("port %d: pid %d, want %d", port, got, want)
		}
	}
}

func TestParseLsof(t *testing.T) {
	t.Parallel()
	if pid, name := parseLsof("p4711\nckafka\nf12\np4712\ncother\n"); pid != 4711 || name != "kafka" {
		t.Errorf("got %d %q", pid, name)
	}
	if pid, name := parseLsof(""); pid != 0 || name != "" {
		t.Errorf("got %d %q of nothing", pid, name)
	}
}

func TestCheckProject(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"manage-kafka": true, "a": true, "0_x": true, strings.Repeat("a", 63): true,
		"": false, "A": false, "-a": false, "a.b": false, "a/b": false, "..": false, "a b": false, "ä": false, "a\n": false,
		strings.Repeat("a", 64): false,
	} {
		if err := CheckProject(name); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckHost(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"": true, "localhost": true, "host.docker.internal": true, "192.0.2.1": true, "my_host": true,
		"a:9092": false, "http://a": false, "::1": false, "-a": false, "a b": false, "a.": false,
	} {
		if err := checkHost(host); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", host, err)
		}
	}
}
