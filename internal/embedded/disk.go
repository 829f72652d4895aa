package embedded

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is the data directory for kfake, with the manners of Unix on every system:
// there, kfake renames and removes files that it has open. On Windows that needs them
// opened in a mode that [os.OpenFile] does not know, and an [os.Root] does.
type disk struct {
	dir  string
	root *os.Root
}

// filesystem and openFile are kfake's own interfaces, by another name.
type filesystem interface {
	OpenFile(name string, flag int, perm os.FileMode) (openFile, error)
	Rename(oldpath, newpath string) error
	Remove(name string) error
	RemoveAll(path string) error
	MkdirAll(path string, perm os.FileMode) error
	ReadDir(name string) ([]os.DirEntry, error)
	ReadFile(name string) ([]byte, error)
	Stat(name string) (os.FileInfo, error)
}

type openFile interface {
	io.Writer
	io.Reader
	io.Closer
	Seek(offset int64, whence int) (int64, error)
	Truncate(size int64) error
	Sync() error
}

// openDisk makes the directory where there is none.
func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &disk{dir: dir, root: root}, nil
}

// at gives the name of a path below the root.
func (d *disk) at(path string) (string, error) { return filepath.Rel(d.dir, path) }

// OpenFile implements filesystem, as all that follows.
func (d *disk) OpenFile(path string, flag int, perm os.FileMode) (openFile, error) {
	name, err := d.at(path)
	if err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // and no interface that holds a nil
	}
	return f, nil
}

// Rename replaces what has the new name.
func (d *disk) Rename(oldpath, newpath string) error {
	from, err := d.at(oldpath)
	if err != nil {
		return err
	}
	to, err := d.at(newpath)
	if err != nil {
		return err
	}
	return renameIn(d.root, from, to)
}

// Remove removes a file or an empty directory.
func (d *disk) Remove(path string) error {
	name, err := d.at(path)
	if err != nil {
		return err
	}
	return d.root.Remove(name)
}

// RemoveAll removes a directory with what is in it.
func (d *disk) RemoveAll(path string) error {
	name, err := d.at(path)
	if err != nil {
		return err
	}
	return d.root.RemoveAll(name)
}

// MkdirAll makes a directory and those above it.
func (d *disk) MkdirAll(path string, perm os.FileMode) error {
	name, err := d.at(path)
	if err != nil || name == "." {
		return err
	}
	return d.root.MkdirAll(name, perm.Perm())
}

// ReadDir lists a directory by name.
func (d *disk) ReadDir(path string) ([]os.DirEntry, error) {
	name, err := d.at(path)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(d.root.FS(), filepath.ToSlash(name))
}

// ReadFile reads a file.
func (d *disk) ReadFile(path string) ([]byte, error) {
	name, err := d.at(path)
	if err != nil {
		return nil, err
	}
	return d.root.ReadFile(name)
}

// Stat describes a file.
func (d *disk) Stat(path string) (os.FileInfo, error) {
	name, err := d.at(path)
	if err != nil {
		return nil, err
	}
	return d.root.Stat(name)
}
