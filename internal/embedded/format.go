package embedded

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/semver"
)

const (
	// formatNumber is our own part of the data's format.
	formatNumber = 1
	// kfakeVersion is the module version whose files lie in the data
	// directory. A test holds it against go.mod.
	kfakeVersion = "v0.0.0-20260918054303-01f206a7e32c"
	// kfakeFormat is the version that kfake writes into its own files.
	kfakeFormat = 1
)

// dataFormat is the file that says by what the data was written.
type dataFormat struct {
	Format int    `json:"format"`
	Kfake  string `json:"kfake"`
}

func formatFile(dir string) string { return filepath.Join(DataDir(dir), "format.json") }

// openFormat decides whether this program may open the data, and copies data
// of an older kfake before that changes it. It reports [ErrFormat].
func openFormat(dir string, minFree uint64, free func(string) (uint64, error), logf func(level, format string, args ...any)) error {
	data := brokerDir(dir)
	current := dataFormat{Format: formatNumber, Kfake: kfakeVersion}
	var found dataFormat
	err := readJSON(formatFile(dir), &found)
	if errors.Is(err, fs.ErrNotExist) {
		if isEmpty(data) {
			return writeJSON(formatFile(dir), current)
		}
		return fmt.Errorf("%s holds data without %s, written by something else or before formats were recorded: %w",
			data, filepath.Base(formatFile(dir)), ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	switch {
	case found == current:
		return nil
	case found.Format < 1 || !semver.IsValid(found.Kfake):
		return fmt.Errorf("%s: format %d of kfake %q is not known: %w", data, found.Format, found.Kfake, ErrFormat)
	case found.Format > formatNumber || semver.Compare(found.Kfake, kfakeVersion) > 0:
		return fmt.Errorf("%s was written by a newer manage-kafka (format %d of kfake %s, this one writes %d of %s): %w",
			data, found.Format, found.Kfake, formatNumber, kfakeVersion, ErrFormat)
	}
	if err := checkKfakeFormat(data); err != nil {
		return err
	}
	return migrate(dir, found, current, minFree, free, logf)
}

// checkKfakeFormat looks at the version in kfake's own files: it reads its own and the one before.
func checkKfakeFormat(data string) error {
	var meta struct {
		Version int `json:"version"`
	}
	err := readJSON(filepath.Join(data, "meta.json"), &meta)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if meta.Version < kfakeFormat-1 || meta.Version > kfakeFormat {
		return fmt.Errorf("%s: kfake's format is %d, this manage-kafka reads %d and %d: %w",
			data, meta.Version, kfakeFormat-1, kfakeFormat, ErrFormat)
	}
	return nil
}

// migrate copies the data aside, then records the new format. kfake itself
// reads the older files and writes newer ones.
func migrate(dir string, found, current dataFormat, minFree uint64, free func(string) (uint64, error), logf func(level, format string, args ...any)) error {
	data := brokerDir(dir)
	size, err := treeSize(data)
	if err != nil {
		return err
	}
	if err := checkSpace(dir, minFree+size, free); err != nil {
		return fmt.Errorf("copying the data before its format changes: %w", err)
	}
	backup := filepath.Join(DataDir(dir), "backup-"+found.Kfake+"-"+time.Now().UTC().Format("20060102T150405Z"))
	partial := backup + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := os.CopyFS(partial, os.DirFS(data)); err != nil {
		return fmt.Errorf("copying the data before its format changes: %w", err)
	}
	if err := os.Rename(partial, backup); err != nil {
		return err
	}
	logf("WARN", "data was written by kfake %s; a copy of %d MB lies in %s, remove it when all is well", found.Kfake, size>>20, backup)
	return writeJSON(formatFile(dir), current)
}

func treeSize(dir string) (uint64, error) {
	var size uint64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += uint64(info.Size())
		}
		return err
	})
	return size, err
}

// HasData tells whether the project in dir has a broker's data.
func HasData(dir string) bool { return !isEmpty(brokerDir(dir)) }

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

// newClusterID is a random id in the form of Apache Kafka's: 16 bytes, base64
// for URLs. kfake keeps the one it was first started with.
func newClusterID() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(id[:]), nil
}

// Wipe removes all topics, records, offsets and schemas of the project in dir, copies
// before migrations among them. It takes the data directory's lock and reports
// [ErrInUse] while a broker has it.
func Wipe(ctx context.Context, dir string) error {
	data := DataDir(dir)
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := LockData(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		if path := filepath.Join(data, e.Name()); path != dataLockFile(data) {
			all = errors.Join(all, os.RemoveAll(path))
		}
	}
	return errors.Join(all, os.RemoveAll(lastExitFile(dir)))
}
