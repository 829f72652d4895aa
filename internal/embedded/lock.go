package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockPatience is how long a lock is waited for that a dying process may still
// hold: the kernel frees it only once the last of its threads is gone.
const lockPatience = 5 * time.Second

// Lock is an exclusive hold on a file, freed by the kernel when its holder
// dies. Its file is never removed: two processes could then lock two files of
// one name.
type Lock struct {
	file *flock.Flock
}

// TryLock takes the lock at path, waiting until ctx ends for another holder.
// It reports [ErrInUse] when the lock was not free in time.
func TryLock(ctx context.Context, path string) (*Lock, error) {
	for {
		f := flock.New(path)
		ok, err := f.TryLockContext(ctx, 10*time.Millisecond)
		switch {
		case err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
			return nil, fmt.Errorf("locking %s: %w", path, err)
		case !ok && errors.Is(err, context.Canceled):
			return nil, err
		case !ok:
			return nil, fmt.Errorf("%s: %w", path, ErrInUse)
		}
		if isFile(f, path) {
			return &Lock{file: f}, nil
		}
		// The file was removed or replaced before the lock was ours: what we
		// hold keeps nobody out.
		if err := f.Unlock(); err != nil {
			return nil, err
		}
	}
}

func isFile(f *flock.Flock, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(held, now)
}

// Held tells whether the file that is locked is still the one of its name. A
// lock on a removed file keeps nobody out.
func (l *Lock) Held() bool { return isFile(l.file, l.file.Path()) }

// Unlock gives the lock up.
func (l *Lock) Unlock() error { return l.file.Unlock() }

// lockSoon takes a lock whose holder may be about to die.
func lockSoon(ctx context.Context, path string) (*Lock, error) {
	wait, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	return TryLock(wait, path)
}

// LockData takes the data directory of the project in dir, waiting a few
// seconds for a process that is about to end. It reports [ErrInUse] when
// another process has it, also under another project's name.
func LockData(ctx context.Context, dir string) (*Lock, error) {
	lock, err := lockSoon(ctx, dataLockFile(DataDir(dir)))
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("data directory %s: %w", DataDir(dir), ErrInUse)
	}
	return lock, err
}

// LockStart keeps two starts of the project in dir apart, for as long as its
// holder lives or until it unlocks. It waits for another holder until ctx
// ends, and calls waiting once before it does.
func LockStart(ctx context.Context, dir string, waiting func()) (*Lock, error) {
	path := startLockFile(dir)
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	lock, err := TryLock(soon, path)
	if !errors.Is(err, ErrInUse) {
		return lock, err
	}
	waiting()
	return TryLock(ctx, path)
}

// Signal ends the supervisor of the project in dir from outside: politely, or
// with kill for good. It returns once the process is gone, or an error when it
// lives on after wait. A process id in a file may by now be somebody else's;
// here it is the supervisor's for sure, since the supervisor holds the run lock.
func Signal(ctx context.Context, dir string, kill bool, wait time.Duration) error {
	if gone, err := supervisorGone(ctx, dir, 10*time.Millisecond); gone || err != nil {
		return err
	}
	var run running
	if err := readJSON(runFile(dir), &run); err != nil {
		return err
	}
	process, err := os.FindProcess(run.PID)
	if err != nil {
		return err
	}
	if kill {
		err = process.Kill()
	} else {
		err = terminate(process)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("process %d: %w", run.PID, err)
	}
	gone, err := supervisorGone(ctx, dir, wait)
	if err == nil && !gone {
		err = fmt.Errorf("process %d: %w after %v", run.PID, ErrInUse, wait)
	}
	return err
}

// supervisorGone waits for the run lock to be free, and then for the lock of
// the data: the broker ends a moment after a supervisor that was killed.
func supervisorGone(ctx context.Context, dir string, wait time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for _, path := range []string{runLockFile(dir), dataLockFile(DataDir(dir))} {
		lock, err := TryLock(ctx, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // never was one
		case errors.Is(err, ErrInUse):
			return false, nil
		case err != nil:
			return false, err
		}
		if err := lock.Unlock(); err != nil {
			return false, err
		}
	}
	return true, nil
}
