package composefile

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// files looks at what the override has read while it is merged, by itself and by
// the files that it reads: one that lies outside its directory could be another
// project's, with secrets in it. What was read is in the merged file, without a
// sign of where it came from.
func (in *inspector) files() {
	root := filepath.Dir(in.over.path)
	in.defaultEnv(root, []string{".env"})
	r := reads{in: in, seen: map[seenFile]bool{}}
	r.text(in.over.text, base{dir: root, work: root, includes: true}, nil)
}

// defaultEnv looks at the file of variables that is read without being named.
func (in *inspector) defaultEnv(dir string, place []string) {
	path := filepath.Join(dir, ".env")
	if _, err := os.Stat(path); err == nil {
		in.file(path, place)
	}
}

// reads walks from file to file as compose-go does.
type reads struct {
	in   *inspector
	seen map[seenFile]bool
}

type seenFile struct {
	path     string
	includes bool
}

// base is what the paths in a file are relative to: those of files of services
// to dir, those of files of variables to work. A file that is only extended
// includes nothing.
type base struct {
	dir, work string
	includes  bool
}

// text looks at a file's text. place is where the override has it read from, nil
// for the override itself.
func (r *reads) text(text []byte, at base, place []string) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc any
		if dec.Decode(&doc) != nil {
			return // its end, or what cannot be loaded
		}
		top, _ := doc.(map[string]any)
		if at.includes {
			for _, item := range list(top["include"]) {
				r.include(item, at, or(place, "include"))
			}
		}
		services, _ := top["services"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(services)) {
			service, _ := services[name].(map[string]any)
			extends, _ := service["extends"].(map[string]any)
			for _, path := range texts(extends["file"]) {
				from := or(place, "services", name, "extends")
				if file, ok := r.path(at.dir, path, from); ok {
					r.file(file, base{dir: filepath.Dir(file), work: filepath.Dir(file)}, from)
				}
			}
		}
	}
}

// include looks at one element of include: a path, or a mapping with some.
func (r *reads) include(item any, at base, place []string) {
	member, isMapping := item.(map[string]any)
	if !isMapping {
		member = map[string]any{"path": item}
	}
	var next base
	for i, path := range texts(member["path"]) {
		file, ok := r.path(at.dir, path, place)
		if !ok {
			continue
		}
		if i == 0 {
			next = base{dir: filepath.Dir(file), includes: true}
			next.work = relativeTo(at.dir, next.dir)
			for _, dir := range texts(member["project_directory"]) {
				if dir, ok = r.path(at.work, dir, place); ok {
					next.dir, next.work = dir, relativeTo(at.dir, dir)
				}
			}
		}
		r.file(file, next, place)
	}
	named := texts(member["env_file"])
	for _, path := range named {
		r.path(at.work, path, place)
	}
	if len(named) == 0 && next.dir != "" {
		r.in.defaultEnv(next.dir, place)
	}
}

// relativeTo is the path of a directory as compose-go has it: those of files of
// variables in an included file are relative to that, and so to where this
// program runs.
func relativeTo(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}

// path looks at a path that is read. It is false for one that cannot be followed.
func (r *reads) path(dir, path string, place []string) (string, bool) {
	if strings.Contains(path, "$") {
		r.in.add(place, path, "the path %s has a variable in it, which can lead anywhere", path)
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	before := len(r.in.found)
	r.in.file(path, place)
	return path, len(r.in.found) == before
}

// file looks at a file that is read and can be.
func (r *reads) file(path string, at base, place []string) {
	if r.seen[seenFile{path, at.includes}] {
		return
	}
	r.seen[seenFile{path, at.includes}] = true
	f, err := os.Open(path)
	if err != nil {
		return // loading says it
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxOverride+1))
	if err == nil && len(text) > maxOverride {
		r.in.add(place, filepath.Base(path), "%s is larger than %d bytes", path, maxOverride)
		return
	}
	r.text(text, at, place)
}

func or(place []string, own ...string) []string {
	if place != nil {
		return place
	}
	return own
}

func list(v any) []any {
	if many, ok := v.([]any); ok {
		return many
	}
	return nil
}

// texts is a text, or a list of them.
func texts(v any) []string {
	var found []string
	for _, one := range append(list(v), v) {
		if text, ok := one.(string); ok && text != "" {
			found = append(found, text)
		}
	}
	return found
}
