package secretfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
)

func TestReadWarnsAboutAFileOthersCanRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("file modes say nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("alice-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o400: 0, 0o640: 1, 0o604: 1, 0o644: 1} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var said []string
		body, err := secretfile.Read(path, func(text string) { said = append(said, text) })
		if err != nil || string(body) != "alice-secret" {
			t.Fatalf("mode %o: read %q, error %v", mode, body, err)
		}
		if len(said) != want {
			t.Errorf("mode %o: said %q, want %d warnings", mode, said, want)
		}
		if strings.Contains(strings.Join(said, ""), "alice-secret") {
			t.Errorf("mode %o: the warning holds the secret", mode)
		}
	}
}

func TestReadRefusesWhatIsNoSmallFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := secretfile.Read(dir, nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: error %v", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, secretfile.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Read(big, nil); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
		t.Errorf("a large file: error %v", err)
	}
}
