package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxSchema bounds the file of one schema.
const maxSchema = 1 << 20

// Events are the event types beside the built-in ones.
type Events struct {
	Types []EventType `yaml:"types"`
}

// EventType is an event type of the user's own.
type EventType struct {
	Type  string `yaml:"type"`
	Topic string `yaml:"topic"`
	// Schema names the file of its JSON Schema, from where the settings stand.
	Schema string `yaml:"schema"`
	// Key is a rule for the record key, such as /data/orderId.
	Key string `yaml:"key"`
	// Version is that of the schema, "1.0" when empty.
	Version string `yaml:"version"`
}

func (e Events) check() error {
	for i, t := range e.Types {
		switch {
		case t.Type == "":
			return fmt.Errorf("type %d: has no name, the member type", i+1)
		case t.Schema == "":
			return fmt.Errorf("type %s: has no schema", t.Type)
		}
	}
	return nil
}

// ReadSchema reads the schema of one of the file's types. A project file,
// which others wrote, can only name a file below itself.
func (f *File) ReadSchema(t EventType) ([]byte, error) {
	body, err := f.readSchema(t.Schema)
	if err != nil {
		return nil, fmt.Errorf("%s: events: type %s: %w", f.Path, t.Type, err)
	}
	return body, nil
}

func (f *File) readSchema(name string) ([]byte, error) {
	dir := filepath.Dir(f.Path)
	if !f.Shared {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		return readWhole(file)
	}
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("schema %s: a project file can only name a file below itself", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return readWhole(file)
}

// readWhole reads a regular file of bounded size and closes it.
func readWhole(file *os.File) ([]byte, error) {
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("schema %s: is not a regular file", file.Name())
	}
	body, err := io.ReadAll(io.LimitReader(file, maxSchema+1))
	if err == nil && len(body) > maxSchema {
		err = fmt.Errorf("schema %s: larger than %d bytes", file.Name(), maxSchema)
	}
	return body, err
}
