// Package schemaset finds the JSON Schemas of event types in files and
// directories, as they are now or were at a git revision.
package schemaset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxSchema bounds one file.
const maxSchema = 1 << 20

// Schema is the schema of one major version of an event type.
type Schema struct {
	Type  string
	Major int
	// File is where it stands, for messages.
	File string
	Body []byte
}

// Name tells the schemas of different types and majors apart.
func (s Schema) Name() string {
	if s.Major == 1 {
		return s.Type
	}
	return fmt.Sprintf("%s v%d", s.Type, s.Major)
}

// Read returns the schemas in a file or in a directory, but not in directories
// within it. The error names the file.
func Read(path string) ([]Schema, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(escapeGlob(path), "*.json")); err != nil {
			return nil, err
		}
	}
	var list []Schema
	for _, name := range files {
		body, err := readFile(name)
		if err != nil {
			return nil, err
		}
		s, err := Parse(name, body)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, unique(list)
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`[`, `[[]`, `*`, `[*]`, `?`, `[?]`).Replace(path)
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s: is not a regular file", name))
	}
	return bounded(name, file)
}

func bounded(name string, r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSchema+1))
	if err == nil && len(body) > maxSchema {
		err = fmt.Errorf("larger than %d bytes", maxSchema)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return body, nil
}

// Parse finds out whose schema body is: the type is its title, or else the
// file's name, and the major version that of its "$id", or else of the file's
// name, as in order.created.v2.json, or else 1.
func Parse(file string, body []byte) (Schema, error) {
	var head struct {
		ID    string `json:"$id"`
		Title string `json:"title"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return Schema{}, fmt.Errorf("%s: is no JSON Schema: %w", file, err)
	}
	s := Schema{Type: head.Title, Major: 1, File: file, Body: body}
	base := strings.TrimSuffix(filepath.Base(file), ".json")
	named := regexp.MustCompile(`^(.*)\.v([1-9][0-9]{0,5})$`).FindStringSubmatch(base)
	if named != nil {
		base = named[1]
		s.Major, _ = strconv.Atoi(named[2]) // digits, few of them
	}
	if m := regexp.MustCompile(`[:/]([1-9][0-9]{0,5})\.[0-9]+$`).FindStringSubmatch(head.ID); m != nil {
		s.Major, _ = strconv.Atoi(m[1])
	}
	if s.Type == "" {
		s.Type = base
	}
	return s, nil
}

// unique refuses two schemas of one type and major: whichever counted, a
// reader of the other would be misled.
func unique(list []Schema) error {
	for i, s := range list {
		j := slices.IndexFunc(list, func(o Schema) bool { return o.Name() == s.Name() })
		if j < i {
			return fmt.Errorf("%s and %s are both the schema of %s", list[j].File, s.File, s.Name())
		}
	}
	return nil
}
