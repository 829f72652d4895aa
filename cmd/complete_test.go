package cmd

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// complete asks for completions as a shell does.
func complete(t *testing.T, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, io.Discard)
	if code := a.run(t.Context(), append([]string{"__complete"}, words...)); code != 0 {
		t.Errorf("exit code %d", code)
	}
	return out.String()
}

func TestCompleteTopicsFromClusterThenCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("LocalAppData", cache)
	t.Setenv("HOME", cache)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "invoices"))
	if err != nil {
		t.Fatal(err)
	}
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	ask := func() string { return complete(t, "-b", brokers, "describe-topic", "orders", "") }
	got := ask()
	// A busy machine may not make it in the time that a shell waits.
	for deadline := time.Now().Add(20 * time.Second); !strings.HasPrefix(got, "invoices\n") && time.Now().Before(deadline); got = ask() {
	}
	cluster.Close() // from here on the names come from the cache
	for _, got := range []string{got, ask()} {
		if !strings.HasPrefix(got, "invoices\n:4\n") {
			t.Errorf("got %q", got)
		}
	}
	files, err := filepath.Glob(filepath.Join(cache, "manage-kafka", "names", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("cache files %v, error %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	old := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(files[0], old, old); err != nil {
		t.Fatal(err)
	}
	if got := complete(t, "-b", brokers, "describe-topic", ""); !strings.HasPrefix(got, ":4\n") {
		t.Errorf("from an old cache and no broker: %q", got)
	}
}

func TestCompleteDoesNotWaitForASilentBroker(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, words := range [][]string{{"describe-topic", ""}, {"groups", "describe", ""}} {
		began := time.Now()
		if got := complete(t, append([]string{"-b", silent.Addr().String()}, words...)...); !strings.HasPrefix(got, ":4\n") {
			t.Errorf("%v: %q", words, got)
		}
		if took := time.Since(began); took > 5*completeWithin {
			t.Errorf("%v took %v", words, took)
		}
	}
}

func TestCompleteSettings(t *testing.T) {
	t.Parallel()
	got := complete(t, "create-topic", "x", "-c", "compression.type=z")
	if !strings.HasPrefix(got, "compression.type=zstd\n:6\n") {
		t.Errorf("a value: %q", got)
	}
	if got := complete(t, "alter-topic", "x", "-c", "retention.m"); !strings.HasPrefix(got, "retention.ms=\n:6\n") {
		t.Errorf("a name: %q", got)
	}
}

func TestCompleteGroupsLeavesOutWhatAShellCannotTake(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	brokers := kafkatest.Start(t)
	a := newApp(strings.NewReader(""), io.Discard, io.Discard)
	a.flags.bootstrap = []string{brokers}
	ta, err := a.resolve()
	if err != nil {
		t.Fatal(err)
	}
	newNameCache(ta, "groups").write([]string{"good", "with space", "bell\a", "tab\t"})
	if got := complete(t, "-b", brokers, "groups", "describe", "g"); !strings.HasPrefix(got, "good\n:4\n") {
		t.Errorf("got %q", got)
	}
}

// TestCompletionOffersFilesOnlyWhereFilesAreTaken holds that no flag or
// argument of another kind falls back on the names of files.
func TestCompletionOffersFilesOnlyWhereFilesAreTaken(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("contexts:\n  dev: {bootstrap: [h]}\n  prod: {bootstrap: [h]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	brokers := kafkatest.Start(t)
	for _, test := range []struct {
		line, want string
	}{
		{"txn abort ", ":4\n"},
		{"dlq verify ", ":4\n"},
		{"dlq watch ", ":4\n"},
		{"dlq replay a.dlq --rate ", ":4\n"},
		{"dlq replay a.dlq --to ", ":4\n"},
		{"consumer t -g ", ":4\n"},
		{"list-topics -C ", "dev\nprod\n:4\n"},
		{"list-topics -C p", "prod\n:4\n"},
		{"groups reset g --to ", "start\nend\nnone\ngroup:\nfile:\n:4\n"},
		{"dlq replay a.dlq --plan ", ":0\n"},
		{"dlq apply ", ":0\n"},
		{"apply -f ", ":0\n"},
		{"events check ", ":0\n"},
		{"list-topics --command-config ", ":0\n"},
	} {
		words := append([]string{"-b", brokers, "--config-file", config}, strings.Split(test.line, " ")...)
		if got := complete(t, words...); got != test.want {
			t.Errorf("%q completes %q, want %q", test.line, got, test.want)
		}
	}
}
