//go:build unix

package settings_test

import (
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
