package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// editorWords are the words of the user's editor.
func editorWords() ([]string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		words, err := splitWords(text)
		if err != nil || len(words) == 0 {
			return nil, usagef("%s=%q: no command: %v", name, text, err)
		}
		return words, nil
	}
	if runtime.GOOS == "windows" {
		return []string{"notepad"}, nil
	}
	return []string{"vi"}, nil
}

// openEditor lets the user edit a text and returns what they leave. The file has
// a fixed name in a directory that nobody else can enter, and the directory goes
// whole, with whatever the editor put beside the file.
func (a *app) openEditor(ctx context.Context, name string, text []byte) (edited []byte, err error) {
	words, err := editorWords()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "manage-kafka-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, words[0], append(words[1:], path)...)
	c.Stdin, c.Stdout, c.Stderr = a.in, a.errOut, a.errOut
	a.editing.Store(true)
	err = c.Run()
	a.editing.Store(false)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("editor %s: %w; nothing was sent", words[0], err)
	}
	return os.ReadFile(path)
}
