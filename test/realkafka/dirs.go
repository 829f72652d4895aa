package realkafka

import (
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const dirPrefix = "manage-kafka-test-"

// claimDir makes a directory for one cluster and returns how to give it up.
// A lock in it is held for as long as the test binary lives; directories whose
// owner is gone without clean-up are removed here.
func claimDir() (dir string, release func(), err error) {
	sweep()
	var lock *flock.Flock
	for {
		dir, err = os.MkdirTemp("", dirPrefix)
		if err != nil {
			return "", nil, err
		}
		lock = flock.New(dir + ".lock")
		if err := lock.Lock(); err != nil {
			return "", nil, err
		}
		// Another run's sweep may have taken the new lock for an orphan's before
		// we held it; the directory is gone then.
		if _, err := os.Stat(dir); err == nil {
			break
		}
		_ = lock.Close()
	}
	return dir, func() {
		// MANAGE_KAFKA_TEST_KEEP=1 leaves the directory for a look; without its
		// lock file no later run sweeps it.
		if os.Getenv("MANAGE_KAFKA_TEST_KEEP") != "1" {
			_ = os.RemoveAll(dir) // what stays is swept by the next run
		}
		_ = os.Remove(lock.Path())
		_ = lock.Close()
	}, nil
}

// sweep removes what killed test binaries have left behind.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*.lock")) // the pattern is well formed
	for _, path := range locks {
		lock := flock.New(path)
		if ok, err := lock.TryLock(); err != nil || !ok {
			continue
		}
		_ = os.RemoveAll(path[:len(path)-len(".lock")]) // best effort: it is another run's litter
		_ = os.Remove(path)
		_ = lock.Close()
	}
}
