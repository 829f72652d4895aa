// Package secretfile reads small files that hold secrets.
package secretfile

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// MaxSize bounds a file that holds a password, a key or certificates, in bytes.
const MaxSize = 4 << 20

// Read returns the content of the file, which may be up to [MaxSize] bytes. It
// tells warn, when set, about a file that other users of the machine can read.
// No error holds any of the content.
func Read(path string, warn func(text string)) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory", path)
	}
	if warn != nil {
		warnOf(path, info, warn)
	}
	body, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > MaxSize {
		return nil, fmt.Errorf("%s: larger than %d MiB", path, MaxSize>>20)
	}
	return body, nil
}

// Check tells warn about a file that other users of the machine can read, once it is
// known that it holds a secret. It does not open it: a pipe is read once.
func Check(path string, warn func(text string)) error {
	info, err := os.Stat(path)
	if err == nil && warn != nil {
		warnOf(path, info, warn)
	}
	return err
}

func warnOf(path string, info os.FileInfo, warn func(text string)) {
	if readableByOthers(info.Mode()) {
		warn(fmt.Sprintf("%s: other users can read this secret; run: chmod 600 %s", path, path))
	}
}

// readableByOthers has no answer on Windows, where access lists say it.
func readableByOthers(mode os.FileMode) bool {
	return runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o044 != 0
}
