package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func read(path string, shared bool, warn func(string)) (*File, error) {
	body, err := secretfile.Read(path, nil)
	if err != nil {
		return nil, err
	}
	file, err := Parse(path, body, shared)
	if err != nil {
		return nil, err
	}
	if file.hasSecrets() {
		if err := secretfile.Check(path, warn); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// Parse reads the text of a file that stands at path. shared is true for a
// project file, which may set less. An error names the file and, where
// there is one, the line; it never holds a value that may be a secret.
func Parse(path string, body []byte, shared bool) (*File, error) {
	file := &File{Path: path, Shared: shared}
	dec := yaml.NewDecoder(bytes.NewReader(body))
	dec.KnownFields(true)
	err := dec.Decode(file)
	switch {
	case errors.Is(err, io.EOF):
		return file, nil // an empty file says nothing
	case err != nil:
		return nil, errors.New(plainYAML(path, err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one document", path)
	}
	if err := file.Events.check(); err != nil {
		return nil, fmt.Errorf("%s: events: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(file.Contexts)) {
		c := file.Contexts[name]
		c.Name, c.File = name, file
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: context %s: %w", path, name, err)
		}
		file.Contexts[name] = c
	}
	return file, nil
}

// plainYAML puts file and line in front of what the library says, without its Go types and without the values.
func plainYAML(path string, err error) string {
	texts := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		texts = typed.Errors
	}
	line := regexp.MustCompile(`^line (\d+): `)
	unknown := regexp.MustCompile(`^field (.*) not found in type .*$`)
	wrong := regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `[^`]*`)? into .*$")
	twice := regexp.MustCompile(`^mapping key (.*) already defined at line (\d+)$`)
	for i, text := range texts {
		where := path
		if m := line.FindStringSubmatch(text); m != nil {
			where, text = path+":"+m[1], strings.TrimPrefix(text, m[0])
		}
		text = unknown.ReplaceAllString(text, `unknown member $1`)
		text = twice.ReplaceAllString(text, `$1 stands there twice, also on line $2`)
		text = wrong.ReplaceAllString(text, `a $1 does not belong here`)
		for kind, name := range map[string]string{"a str ": "a text ", "a seq ": "a list ", "a map ": "a mapping ", "a int ": "a number ", "a bool ": "a truth value "} {
			text = strings.Replace(text, kind, name, 1)
		}
		texts[i] = where + ": " + text
	}
	return strings.Join(texts, "; ")
}

// check refuses what no context may say, and what a project file may not.
func (c *Context) check() error {
	switch c.Access {
	case "":
		c.Access = AccessFree
	case AccessFree, AccessConfirm, AccessReadOnly:
	default:
		return fmt.Errorf("access %q: want free, confirm or read-only", c.Access)
	}
	addrs, err := kafka.ParseAddresses(c.Bootstrap)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	c.Bootstrap = addrs
	for _, pointer := range c.Mask {
		if !strings.HasPrefix(pointer, "/") {
			return fmt.Errorf("mask %q: want a JSON pointer, such as /data/billingEmail", pointer)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		use, nearest := kafka.LookupProperty(name)
		switch {
		case name == "bootstrap.servers":
			return errors.New("bootstrap.servers: use the member bootstrap")
		case use == kafka.PropertyUnknown && nearest != "":
			return fmt.Errorf("properties: %s: unknown client property; did you mean %s?", name, nearest)
		case use == kafka.PropertyUnknown:
			return fmt.Errorf("properties: %s: unknown client property", name)
		case use == kafka.PropertyNoted:
			return fmt.Errorf("properties: %s: has no effect here", name)
		}
	}
	if c.File.Shared {
		return c.checkShared()
	}
	return nil
}

// checkShared holds what a project file may not do: whoever wrote it would
// have the reader's secrets sent, or the reader's connection weakened.
func (c *Context) checkShared() error {
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		value := c.Properties[name]
		switch {
		case kafka.CredentialProperty(name):
			return fmt.Errorf("properties: %s: a project file cannot set credentials; put the context into your own configuration file", name)
		case name == "ssl.endpoint.identification.algorithm" && !strings.EqualFold(value, "https"):
			return fmt.Errorf("properties: %s: a project file cannot weaken the check of the broker's name", name)
		case name == "ssl.protocol" || name == "ssl.enabled.protocols":
			return fmt.Errorf("properties: %s: a project file cannot choose TLS versions", name)
		case name == "ssl.truststore.location" && !filepath.IsLocal(value):
			return fmt.Errorf("properties: %s: a project file can only name a file below itself", name)
		}
	}
	if path := c.Properties["ssl.truststore.location"]; path != "" {
		c.Properties["ssl.truststore.location"] = filepath.Join(filepath.Dir(c.File.Path), path)
	}
	return nil
}

// HasCredentials tells whether the context says who the client is.
func (c Context) HasCredentials() bool {
	for name := range c.Properties {
		if kafka.CredentialProperty(name) {
			return true
		}
	}
	return false
}

// hasSecrets tells whether a secret itself, not a pointer to one, stands in the file.
func (f *File) hasSecrets() bool {
	for _, c := range f.Contexts {
		for name, value := range c.Properties {
			if kafka.SecretProperty(name) && !strings.HasPrefix(value, "@") && !strings.HasPrefix(value, "env:") {
				return true
			}
		}
	}
	return false
}
