package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

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
