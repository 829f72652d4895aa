package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bounds of the cache of names for completion.
const (
	cacheFor  = time.Minute
	cacheMost = 8 << 20 // bytes of a file
)

// nameCache is a file with the names of one kind on one cluster, which only
// its owner can read. Every failure is a miss.
type nameCache struct{ path string }

func newNameCache(t target, kind string) nameCache {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nameCache{}
	}
	// Everything that decides which cluster answers, and as whom.
	parts := append([]string{kind, t.context}, t.config.Bootstrap...)
	for _, key := range slices.Sorted(maps.Keys(t.config.Properties)) {
		parts = append(parts, key, t.config.Properties[key])
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return nameCache{filepath.Join(dir, "manage-kafka", "names", hex.EncodeToString(sum[:16])+".json")}
}

// read gives the names when they are no older than a minute.
func (c nameCache) read(now time.Time) ([]string, bool) {
	if c.path == "" {
		return nil, false
	}
	file, err := os.Open(c.path)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || now.Sub(info.ModTime()) > cacheFor || info.ModTime().After(now.Add(cacheFor)) {
		return nil, false
	}
	var names []string
	if err := json.NewDecoder(io.LimitReader(file, cacheMost)).Decode(&names); err != nil {
		return nil, false
	}
	return names, true
}

// write replaces the file in one step, so that a shell asking at the same time
// reads either the old names or the new ones.
func (c nameCache) write(names []string) {
	if c.path == "" {
		return
	}
	dir := filepath.Dir(c.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return
	}
	file, err := os.CreateTemp(dir, ".names-*") // mode 0600
	if err != nil {
		return
	}
	err = json.NewEncoder(file).Encode(names)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), c.path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
}
