// Package tier says which tests may run here. A test that stands on a part
// that this machine lacks calls [Missing]; a test that takes minutes calls
// [Long] first. With CI=true nothing is left out: a missing part fails.
package tier

import (
	"os"
	"testing"
)

// CI reports whether a missing part must fail the test instead of skipping it.
func CI() bool { return os.Getenv("CI") == "true" }

// Missing ends the test because a part that it stands on is not on this
// machine: what names the part, how tells the way to get it. The test is
// skipped, or failed when CI=true.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if CI() {
		t.Fatalf("%s is missing and CI=true leaves nothing out; get it: %s", what, how)
	}
	note(t, "LEFT OUT: tests that need %s; get it: %s", what, how)
	t.Skipf("LEFT OUT: %s is missing; get it: %s", what, how)
}

// Real skips the test under -short, which stands for tier 1: tests that need
// nothing but Go.
func Real(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("LEFT OUT: -short runs tier 1 only; this test starts real servers")
	}
}

// Long skips the test unless MANAGE_KAFKA_TEST_LONG=1, which `make test-long`
// sets. It is for what does not fit the default run: hundreds of kills,
// streams of gigabytes.
func Long(t testing.TB) {
	t.Helper()
	if !IsLong() {
		note(t, "LEFT OUT: the long tier; get it: make test-long")
		t.Skip("LEFT OUT: part of the long tier; run: make test-long")
	}
}

// IsLong reports whether the long tier runs, for tests that have a short and a
// long form.
func IsLong() bool { return os.Getenv("MANAGE_KAFKA_TEST_LONG") == "1" }
