package containers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is where the program is built, once for all tests of a run.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "manage-kafka-containers-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = filepath.Join(dir, "manage-kafka")
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// binary builds the program when a test first needs it.
var binary = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "build", "-o", built, "../..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return built, nil
})
