package containers_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestReadme runs the README's commands on the docker runtime, by the test
// that runs them on the embedded one.
func TestReadme(t *testing.T) {
	needEngine(t)
	c := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "TestPageCommands/README.md", ".")
	c.Dir = "../.."
	c.Env = append(os.Environ(), "MANAGE_KAFKA_TEST_PAGES_RUNTIME=docker")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	holds(t, string(out), "--- PASS: TestPageCommands/README.md")
}
