package cmd

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// runLine runs one command line in this process.
func runLine(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	code = newApp(strings.NewReader(""), &out, &errOut).run(ctx, args)
	return code, out.String(), errOut.String()
}

// silentBroker accepts, reads and never answers.
func silentBroker(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	return l.Addr().String()
}

func closedAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestConnectingFailsWithTheTablesCodes(t *testing.T) {
	t.Parallel()
	closed, silent := closedAddr(t), silentBroker(t)
	login := kafkatest.Start(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "alice-secret"))
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"no broker", []string{"-b", closed}, exitUnreachable,
			"error: connecting to " + closed + ": connection refused\nhint: start a stack with: manage-kafka start, or name a cluster with --bootstrap-server\n"},
		{"silent broker", []string{"-b", silent, "--timeout", "300ms"}, exitUnreachable, "error: connecting to " + silent + ": no answer in "},
		{"login wanted", []string{"-b", login}, exitNotPermitted,
			"error: connecting to " + login + ": the listener wants a SASL login and offers PLAIN, SCRAM-SHA-256, SCRAM-SHA-512\n" +
				"hint: set security.protocol to SASL_PLAINTEXT, sasl.mechanism and the credentials\n"},
		{"no address", []string{"-b", "http://x:1"}, exitUsage, "error: --bootstrap-server: bootstrap address \"http://x:1\": want host:port\n"},
		{"no duration", []string{"-b", closed, "--timeout", "-1s"}, exitUsage, "error: --timeout -1s: want a duration above 0\nhint: run: manage-kafka list-topics --help\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runLine(t.Context(), append([]string{"list-topics"}, test.args...)...)
			if code != test.code || stdout != "" || !strings.HasPrefix(stderr, test.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q\nwant %d and %q", code, stdout, stderr, test.code, test.stderr)
			}
		})
	}
}

func TestProducerMeetsASilentBroker(t *testing.T) {
	t.Parallel()
	code, _, stderr := runLine(t.Context(), "producer", "t", "-b", silentBroker(t), "--timeout", "300ms")
	if code != exitUnreachable || !strings.Contains(stderr, "no answer in ") {
		t.Errorf("exit %d, stderr %q, want %d", code, stderr, exitUnreachable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	if code, _, stderr := runLine(ctx, "producer", "t", "-b", silentBroker(t)); code != exitInterrupted || time.Since(began) > 5*time.Second {
		t.Errorf("exit %d after %s, stderr %q, want %d within 5 s", code, time.Since(began), stderr, exitInterrupted)
	}
}

func TestInterruptWhileConnectingEndsWithinASecond(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	code, stdout, stderr := runLine(ctx, "list-topics", "-b", silentBroker(t))
	if took := time.Since(began); code != exitInterrupted || took > 5*time.Second {
		t.Errorf("exit %d after %s, want %d within 5 s", code, took, exitInterrupted)
	}
	if stdout != "" || stderr != "error: interrupted\n" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

// A cluster that was reached and then does not come to an end is no cluster
// that is not there.
func TestTimeoutBoundsTheWholeCommand(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.WithLogger(kfake.BasicLogger(io.Discard, kfake.LogLevelNone)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var asked atomic.Int32
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked.Add(1) > 1 {
			cluster.SleepControl(func() { <-t.Context().Done() })
		}
		return nil, nil, false
	})
	began := time.Now()
	code, stdout, stderr := runLine(t.Context(), "list-topics", "-b", cluster.ListenAddrs()[0], "--timeout", "500ms")
	if took := time.Since(began); code != exitTimeout || stdout != "" || took > 10*time.Second {
		t.Errorf("exit %d after %s, stdout %q, want %d after 500ms", code, took, stdout, exitTimeout)
	}
	if stderr != "error: not done in 500ms (--timeout)\n" {
		t.Errorf("stderr %q", stderr)
	}
}

func TestAStackThatIsDownIsStartedByItsName(t *testing.T) {
	t.Parallel()
	a := newApp(nil, io.Discard, io.Discard)
	a.flags.project, a.target.source = "shop", "default"
	a.target.config.Bootstrap = []string{"localhost:9092"}
	want := "start a stack with: manage-kafka start --project shop, or name a cluster with --bootstrap-server"
	if got := hintOf(a.explainConnect(kafka.ErrUnreachable)); got != want {
		t.Errorf("the hint is %q, want %q", got, want)
	}
}
