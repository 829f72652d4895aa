package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A log is kept in files of bounded size, also while somebody reads it; the last of
// them are kept.
func TestLogIsRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "logs", "kafka.log")
	w, err := newLogWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.file.Close() })
	const lines = 1000
	w.cap = 10_000 // of lines of about 60 bytes
	read := 0
	for i := range lines {
		if i%100 == 50 {
			// The file that is read here is rotated beneath its reader.
			_, err := readFrom(t.Context(), path, 0, func(LogLine) error {
				if read++; read%10 == 0 {
					w.Printf("INFO", "reader %d", read)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Printf("INFO", "line %04d %s", i, strings.Repeat("x", 20))
	}
	if read == 0 {
		t.Error("nothing was read meanwhile")
	}
	for i := range logFiles + 1 {
		info, err := os.Stat(rotated(path, i))
		switch {
		case i == logFiles && !os.IsNotExist(err):
			t.Errorf("%s is kept: %v", rotated(path, i), err)
		case i < logFiles && (err != nil || info.Size() > w.cap+200 || i > 0 && info.Size() < w.cap):
			t.Errorf("%s: %v, %v", rotated(path, i), info, err)
		}
	}
	var last LogLine
	if _, err := readFrom(context.WithoutCancel(t.Context()), path, 0, func(l LogLine) error { last = l; return nil }); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("line %04d ", lines-1); !strings.HasPrefix(last.Text, want) {
		t.Errorf("the last line is %q, want %q", last.Text, want)
	}
}

// A file of state is replaced while others read it, and is whole for them.
func TestStateIsReplacedBeneathItsReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	type state struct{ N, Again int }
	if err := writeJSON(path, state{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i <= 300 && err == nil; i++ {
			err = writeJSON(path, state{i, i})
		}
		ended <- err
	}()
	for {
		var s state
		if err := readJSON(path, &s); err != nil || s.N != s.Again {
			t.Errorf("read %+v, %v", s, err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}
