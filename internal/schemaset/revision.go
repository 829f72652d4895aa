package schemaset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrRevision is in the chain of an error about a revision that git does not
// know, or a place where there is no git.
var ErrRevision = errors.New("no such git revision")

// ReadRevision returns the schemas that stood in a file or directory at a git
// revision; none when it was not there. The path is one of the work tree, whose
// directory must still exist. The error is ErrRevision, or names the file.
func ReadRevision(ctx context.Context, path, revision string) ([]Schema, error) {
	dir, isFile := path, strings.HasSuffix(path, ".json")
	if isFile {
		dir = filepath.Dir(path)
	}
	commit, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", revision, errors.Join(ErrRevision, err))
	}
	id := string(bytes.TrimSpace(commit))
	names, err := git(ctx, dir, "ls-tree", "-z", "--name-only", id, "./")
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path, revision, err)
	}
	var list []Schema
	for name := range strings.SplitSeq(string(names), "\x00") {
		if !strings.HasSuffix(name, ".json") || isFile && name != filepath.Base(path) {
			continue
		}
		at := fmt.Sprintf("%s at %s", filepath.Join(dir, name), revision)
		body, err := git(ctx, dir, "cat-file", "blob", id+":./"+name)
		if err == nil {
			body, err = bounded(at, bytes.NewReader(body))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		s, err := Parse(filepath.Join(dir, name), body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", revision, err)
		}
		s.File = at
		list = append(list, s)
	}
	return list, unique(list)
}

// git runs a command of git that writes nothing and asks nothing.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return nil, fmt.Errorf("git: %s", text)
		}
		return nil, fmt.Errorf("git: %w", err)
	}
	return out, nil
}
