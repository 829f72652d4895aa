package embedded

import (
	"errors"
	"os"
	"path/filepath"
	_ "unsafe" // for go:linkname

	"github.com/twmb/franz-go/pkg/kfake"
)

// withFS is kfake's own option for its tests, which it does not export: without it
// kfake cannot keep data on Windows. TestKfakeKeepsDataOnDisk holds it everywhere. An interface is called by the order of its
// methods, so one with the same methods passes for kfake's.
//
//go:linkname withFS github.com/twmb/franz-go/pkg/kfake.withFS
func withFS(filesystem) kfake.Opt

// onDisk has kfake keep its data on a [disk], which stays open until done is called,
// when the cluster is closed.
func onDisk(dir string) (opts []kfake.Opt, done func() error, err error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := try(d, dir); err != nil {
		return nil, nil, errors.Join(err, d.root.Close())
	}
	return []kfake.Opt{kfake.DataDir(dir), withFS(d)}, d.root.Close, nil
}

// try does what kfake does to replace a file, and fails where the directory does not
// let it. It also is what has the linker keep a method that it sees nobody else call
// by this interface.
//
//go:noinline
func try(fsys filesystem, dir string) error {
	name, next := filepath.Join(dir, "try"), filepath.Join(dir, "try.tmp")
	f, err := fsys.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = fsys.Rename(next, name)
	return errors.Join(err, f.Close(), fsys.Remove(name))
}
