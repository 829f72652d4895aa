package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// errMissing is a machine without PostgreSQL.
var errMissing = errors.New("PostgreSQL is not installed")

// kit is an installed release and the user to run it as.
type kit struct {
	bin      string // directory of its programs
	uid, gid int    // -1: the user of the test
}

// findKit looks where Debian keeps its releases, the newest first, and then on
// the PATH.
func findKit() (kit, error) {
	k := kit{uid: -1, gid: -1}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return k, err
	}
	slices.SortFunc(found, func(a, b string) int { return release(b) - release(a) })
	if len(found) > 0 {
		k.bin = filepath.Dir(found[0])
	} else if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return k, err
		}
		k.bin = filepath.Dir(path)
	} else {
		return k, errMissing
	}
	if os.Getuid() == 0 {
		// initdb refuses root.
		k.uid, k.gid, err = unprivileged()
	}
	return k, err
}

func release(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

func unprivileged() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return 0, 0, err
		}
		return uid, gid, nil
	}
	return 0, 0, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (k kit) program(name string) string { return filepath.Join(k.bin, name) }

// own gives a directory to the user that the server runs as.
func (k kit) own(dir string) error {
	if k.uid < 0 {
		return nil
	}
	if err := os.Chown(dir, k.uid, k.gid); err != nil {
		return fmt.Errorf("giving the directory to user %d: %w", k.uid, err)
	}
	return nil
}
