package cmd

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
	"github.com/multi-tenant/manage-kafka/pkg/console"
)

// parseTarget reads --to of groups reset.
func parseTarget(ctx context.Context, text string, now time.Time) (groups.Target, error) {
	wrong := func() error {
		return usagef("--to %q: want start, end, @TIME, +N, -N, N, none, group:NAME or file:PATH", text)
	}
	kind, rest, named := strings.Cut(text, ":")
	switch {
	case text == "":
		return groups.Target{}, usagef("--to is missing: start, end, @TIME, +N, -N, N, none, group:NAME or file:PATH")
	case text == "start" || text == "earliest":
		return groups.Target{Anchor: groups.ToStart}, nil
	case text == "end" || text == "latest":
		return groups.Target{Anchor: groups.ToEnd}, nil
	case text == "none":
		return groups.Target{Anchor: groups.ToNone}, nil
	case text[0] == '@':
		t, err := console.ParseTime(text[1:], now)
		if err != nil {
			return groups.Target{}, usagef("--to: %v", err)
		}
		return groups.Target{Anchor: groups.ToTime, Time: t}, nil
	case named && kind == "group" && rest != "":
		return groups.Target{Anchor: groups.ToGroup, Group: rest}, nil
	case named && kind == "file" && rest != "":
		saved, err := readOffsets(ctx, rest)
		return groups.Target{Anchor: groups.ToSaved, Saved: saved}, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return groups.Target{}, wrong()
	}
	if text[0] == '+' || text[0] == '-' {
		return groups.Target{Anchor: groups.ByRecords, N: n}, nil
	}
	return groups.Target{Anchor: groups.ToOffset, N: n}, nil
}

func readOffsets(ctx context.Context, path string) (*groups.Saved, error) {
	f, err := openUntil(ctx, path)
	if err != nil {
		return nil, usagef("--to: %w", err)
	}
	defer f.Close()
	saved, err := groups.ReadSaved(fileUntil(ctx, f))
	if err != nil {
		return nil, usagef("--to: %s: %w", path, err)
	}
	return saved, nil
}

// keepOffsets writes offsets to a new file, so that they can be restored, and returns
// its path. Nothing may be changed before it has.
func (a *app) keepOffsets(path string, saved groups.Saved) (string, error) {
	if path == "" {
		home, err := cluster.StateHome()
		if err != nil {
			return "", err
		}
		dir := filepath.Join(home, "offsets")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		name := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
				return r
			}
			return '_'
		}, saved.Group)
		path = filepath.Join(dir, name[:min(len(name), 100)]+"-"+saved.At.Format("20060102T150405.000000000")+".json")
	}
	text, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", withHint(err, "the former offsets could not be kept, so nothing was changed; choose another place with --undo-file")
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", withHint(err, "the former offsets could not be kept, so nothing was changed; choose another place with --undo-file")
	}
	return path, nil
}
