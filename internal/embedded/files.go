package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// maxStateFile bounds what is read of a small file that somebody else may have replaced.
const maxStateFile = 1 << 20

func readJSON(path string, v any) error {
	f, err := openShared(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxStateFile)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// openShared opens a file so that it may be renamed meanwhile, on Windows too.
func openShared(path string, flag int, perm os.FileMode) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	f, err := root.OpenFile(filepath.Base(path), flag, perm)
	return f, errors.Join(err, root.Close())
}

// rename gives a file another name in its directory, and replaces what has it, also
// while that is read by [openShared].
func rename(from, to string) error {
	root, err := os.OpenRoot(filepath.Dir(from))
	if err != nil {
		return err
	}
	return errors.Join(renameIn(root, filepath.Base(from), filepath.Base(to)), root.Close())
}

// held bounds the wait for others who have a file open.
const held = 2 * time.Second

// renameIn is root.Rename, and on Windows waits for those who have one of the files open
// for a moment, as virus scanners do with all that is new.
func renameIn(root *os.Root, from, to string) error {
	const sharingViolation = syscall.Errno(32)
	for began := time.Now(); ; {
		err := root.Rename(from, to)
		if err == nil || runtime.GOOS != "windows" || time.Since(began) > held || !errors.Is(err, os.ErrPermission) && !errors.Is(err, sharingViolation) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// writeJSON replaces path in one step, readable by the user alone.
func writeJSON(path string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(body, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
