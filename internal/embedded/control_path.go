package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// privateTempDir is a directory of this user's own below the temporary one.
// Its name can be guessed, so it is used only when nobody else made it.
func privateTempDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("manage-kafka-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !ownedByUser(info) {
		return "", fmt.Errorf("%s: made by somebody else; remove it, or set TMPDIR to a directory of your own", dir)
	}
	return dir, os.Chmod(dir, 0o700)
}

// shortName is the same for the same project directory.
func shortName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:8])
}
