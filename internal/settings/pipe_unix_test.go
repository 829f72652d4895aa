//go:build unix

package settings_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/settings"
)

// A pipe that has the name of a project file would hold up every command.
func TestLoadPassesOverAPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, settings.ProjectFile), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := settings.Load(dir, "", "", nil)
	if err != nil || files.Project != nil {
		t.Errorf("%+v, %v", files, err)
	}
}

// A pipe gives what it has once, secrets too.
func TestLoadReadsAPipeOnce(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		wrote <- os.WriteFile(pipe, []byte("contexts:\n  a: {bootstrap: [a:1], properties: {sasl.password: secret}}\n"), 0o600)
	}()
	files, err := settings.Load(t.TempDir(), "", pipe, func(text string) { t.Error(text) })
	if err != nil || files.User == nil || files.User.Contexts["a"].Properties["sasl.password"] != "secret" {
		t.Errorf("%+v, %v", files, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}
