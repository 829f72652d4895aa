package eventbus_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// The first tier runs the model test under the race detector, which leaves time
// for few of its histories. This is the same test with all of them.
func TestModelInFull(t *testing.T) {
	tier.Real(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout", "10m", "-run", "^TestModel$", "-v", "./pkg/eventbus")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`10000 runs from seed \d+`).Match(out) || !bytes.Contains(out, []byte("--- PASS: TestModel")) {
		t.Error("it did not run in full")
	}
}
