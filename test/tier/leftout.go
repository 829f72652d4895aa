package tier

import (
	"fmt"
	"os"
	"testing"
)

// note adds a line to the file that test/run prints at its end: go test shows
// no reason of a skip unless it is verbose.
func note(t testing.TB, format string, args ...any) {
	t.Helper()
	path := os.Getenv("MANAGE_KAFKA_TEST_LEFT_OUT")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
}
