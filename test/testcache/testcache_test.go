package testcache_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/testcache"
)

// filler returns a fill function that writes one file and counts its calls.
func filler(calls *atomic.Int32) func(string) error {
	return func(dir string) error {
		calls.Add(1)
		if err := os.Mkdir(filepath.Join(dir, "libs"), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "libs", "a.jar"), []byte("jar"), 0o644)
	}
}

func TestEntryIsFilledOnce(t *testing.T) {
	t.Setenv("MANAGE_KAFKA_TEST_CACHE", t.TempDir())
	var calls atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := testcache.Entry(t.Context(), "kafka/x", filler(&calls)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("filled %d times, want once", n)
	}
}

func TestBrokenEntryIsFilledAgain(t *testing.T) {
	breakages := map[string]func(dir string) error{
		"no manifest":    func(dir string) error { return os.Remove(filepath.Join(dir, "MANIFEST")) },
		"missing file":   func(dir string) error { return os.Remove(filepath.Join(dir, "libs", "a.jar")) },
		"truncated file": func(dir string) error { return os.Truncate(filepath.Join(dir, "libs", "a.jar"), 1) },
	}
	for name, damage := range breakages {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MANAGE_KAFKA_TEST_CACHE", t.TempDir())
			var calls atomic.Int32
			dir, err := testcache.Entry(t.Context(), "x", filler(&calls))
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := testcache.Entry(t.Context(), "x", filler(&calls)); err != nil {
				t.Fatal(err)
			}
			if n := calls.Load(); n != 2 {
				t.Errorf("filled %d times, want twice", n)
			}
			got, err := os.ReadFile(filepath.Join(dir, "libs", "a.jar"))
			if err != nil || string(got) != "jar" {
				t.Errorf("after the second fill: %q, %v", got, err)
			}
		})
	}
}

func TestFailedFillLeavesNoEntry(t *testing.T) {
	t.Setenv("MANAGE_KAFKA_TEST_CACHE", t.TempDir())
	cause := errors.New("no network")
	_, err := testcache.Entry(t.Context(), "x", func(string) error { return cause })
	if !errors.Is(err, cause) {
		t.Fatalf("error is %v, want it to wrap %v", err, cause)
	}
	var calls atomic.Int32
	if _, err := testcache.Entry(t.Context(), "x", filler(&calls)); err != nil || calls.Load() != 1 {
		t.Errorf("after a failed fill: %v, %d calls", err, calls.Load())
	}
}
