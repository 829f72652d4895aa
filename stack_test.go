package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// endStacks ends every stack that a script left running below a state directory.
func endStacks(t testing.TB, stateHome string) {
	dirs, err := filepath.Glob(filepath.Join(stateHome, "manage-kafka", "*"))
	if err != nil {
		t.Error(err)
	}
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		if err := embedded.Signal(t.Context(), dir, true, 10*time.Second); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
