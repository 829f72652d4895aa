package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What kfake writes by way of a disk is there when it comes back.
func TestKfakeKeepsDataOnDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	run := func(use func(cluster *kfake.Cluster, cl *kgo.Client)) {
		t.Helper()
		opts, done, err := onDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := done(); err != nil {
				t.Error(err)
			}
		}()
		cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("kept"))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		use(cluster, cl)
	}
	run(func(cluster *kfake.Cluster, cl *kgo.Client) {
		for _, topic := range []string{"kept", "gone"} {
			if err := cluster.CreateTopic(topic, 1, nil); err != nil {
				t.Fatal(err)
			}
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("one")}, &kgo.Record{Topic: topic, Value: []byte("two")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cluster.DeleteTopic("gone"); err != nil {
			t.Fatal(err)
		}
	})
	run(func(_ *kfake.Cluster, cl *kgo.Client) {
		var values []string
		for len(values) < 2 {
			fetched := cl.PollFetches(t.Context())
			if err := fetched.Err(); err != nil {
				t.Fatal(err)
			}
			fetched.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
		}
		if !slices.Equal(values, []string{"one", "two"}) {
			t.Errorf("after a restart there are %q", values)
		}
	})
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) == 0 || slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, "gone") }) {
		t.Errorf("the disk has %q, %v", left, err)
	}
}

// A file may be renamed over another one and removed while it is open, on every system.
func TestDiskHasTheMannersOfUnix(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	d, err := openDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.root.Close() })
	var fsys filesystem = d
	part := filepath.Join(dir, "topics", "orders-0")
	name, next := filepath.Join(part, "state"), filepath.Join(part, "state.tmp")
	if err := fsys.MkdirAll(part, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := fsys.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, flag int) openFile {
		t.Helper()
		f, err := fsys.OpenFile(name, flag, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	holds := func(want string) {
		t.Helper()
		if got, err := fsys.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("the file holds %q, %v, want %q", got, err, want)
		}
	}
	_ = write(name, "one", os.O_CREATE|os.O_TRUNC|os.O_WRONLY).Close()
	open := write(next, "two", os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	if err := fsys.Rename(next, name); err != nil {
		t.Fatal(err)
	}
	holds("two")
	write(name, " three", os.O_CREATE|os.O_APPEND|os.O_RDWR)
	holds("two three")
	if err := open.Truncate(2); err != nil {
		t.Fatal(err)
	}
	holds("tw")
	if entries, err := fsys.ReadDir(part); err != nil || len(entries) != 1 || entries[0].Name() != "state" {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
	if info, err := fsys.Stat(name); err != nil || info.Size() != 2 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if err := fsys.Remove(name); err != nil {
		t.Fatal(err)
	}
	if f, err := fsys.OpenFile(name, os.O_RDONLY, 0); !os.IsNotExist(err) || f != nil {
		t.Errorf("a removed file is opened as %v, %v", f, err)
	}
	write(name, "again", os.O_CREATE|os.O_APPEND|os.O_RDWR)
	if err := fsys.RemoveAll(filepath.Join(dir, "topics")); err != nil {
		t.Fatal(err)
	}
	left, err := fsys.ReadDir(dir)
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() == "topics" }) {
		t.Errorf("%v is left, %v", left, err)
	}
	if err := fsys.Remove(filepath.Join(dir, "..", "other")); err == nil {
		t.Error("it reaches out of its directory")
	}
}
