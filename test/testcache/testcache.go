// Package testcache keeps what tests fetch or build once: jars, node modules,
// compiled classes, binaries. It lies outside the repository, in the directory
// that MANAGE_KAFKA_TEST_CACHE names or in the user's cache directory, and may
// be deleted at any time.
package testcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// manifest is written last into an entry, so that an entry without it, or with
// files that differ from it, is known to be broken.
const manifest = "MANIFEST"

// Dir returns the cache directory, which need not exist yet.
func Dir() (string, error) {
	if dir := os.Getenv("MANAGE_KAFKA_TEST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("test cache: no directory, set MANAGE_KAFKA_TEST_CACHE: %w", err)
	}
	return filepath.Join(base, "manage-kafka-test"), nil
}

// Entry returns the directory of the cache entry called name. When it is not
// there or broken, Entry calls fill with an empty directory and keeps what fill
// put into it. A lock file lets one process at a time fill an entry; the others
// wait for it until ctx ends. The entry must not be written to afterwards.
func Entry(ctx context.Context, name string, fill func(dir string) error) (string, error) {
	root, err := Dir()
	if err != nil {
		return "", err
	}
	entry := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(entry), 0o755); err != nil {
		return "", err
	}
	lock := flock.New(entry + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("test cache: waiting for %s.lock: %w", entry, err)
	}
	defer lock.Close() // releases the lock

	if verify(entry) == nil {
		return entry, nil
	}
	fresh := entry + ".new"
	for _, dir := range []string{entry, fresh} {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return "", err
	}
	if err := fill(fresh); err != nil {
		return "", fmt.Errorf("test cache: filling %s: %w", name, err)
	}
	if err := writeManifest(fresh); err != nil {
		return "", err
	}
	return entry, os.Rename(fresh, entry)
}

// verify compares an entry with its manifest.
func verify(dir string) error {
	want, err := os.ReadFile(filepath.Join(dir, manifest))
	if err != nil {
		return err
	}
	got, err := list(dir)
	if err != nil {
		return err
	}
	if got != string(want) {
		return errors.New("files differ from the manifest")
	}
	return nil
}

func writeManifest(dir string) error {
	files, err := list(dir)
	if err != nil {
		return err
	}
	if files == "" {
		return fmt.Errorf("test cache: %s stayed empty", dir)
	}
	return os.WriteFile(filepath.Join(dir, manifest), []byte(files), 0o644)
}

// list names every file below dir with its size, one a line, in lexical order.
func list(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == manifest {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(strconv.FormatInt(info.Size(), 10) + " " + filepath.ToSlash(rel) + "\n")
		return nil
	})
	return b.String(), err
}
