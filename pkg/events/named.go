package events

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A namedSet holds the schemas that may be read, by URL: a user's own under the
// names of their files and under their "$id". There is no other: no file is
// opened and nothing is fetched, whatever a "$ref" says.
type namedSet struct {
	docs map[string]any
}

const ownPrefix = "own:///"

// newNamedSet decodes and bounds the schemas of own. The error names the file.
func newNamedSet(own []UserType) (*namedSet, error) {
	set := &namedSet{docs: map[string]any{}}
	texts := map[string][]byte{}
	for _, u := range own {
		doc, err := readSchema(u.Schema)
		if err != nil {
			return nil, fmt.Errorf("own type %s: schema %s: %w", quote(u.Name), quote(u.File), err)
		}
		at := set.url(u)
		if text, taken := texts[at]; taken && bytes.Equal(text, u.Schema) {
			continue // types may share a file
		} else if taken {
			return nil, fmt.Errorf("own type %s: schema %s: there are two of that name", quote(u.Name), quote(u.File))
		}
		set.docs[at], texts[at] = doc, u.Schema
		if id := idOf(doc); id != "" {
			if _, taken := set.docs[id]; taken {
				return nil, fmt.Errorf("own type %s: schema %s: $id %s is taken", quote(u.Name), quote(u.File), quote(id))
			}
			set.docs[id] = doc
		}
	}
	for at, doc := range set.docs {
		b := bounds{set: set, weights: map[string]int{}}
		if _, err := b.weigh(at, doc, ""); err != nil {
			return nil, fmt.Errorf("schema %s: %w", quote(at), err)
		}
	}
	return set, nil
}

func readSchema(raw []byte) (any, error) {
	if len(raw) > schema.MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, %d are allowed", schema.ErrTooLarge, len(raw), schema.MaxSize)
	}
	return strictjson.Decode(raw)
}

// url is where a user's schema stands in the set.
func (s *namedSet) url(u UserType) string {
	name := u.File
	if name == "" {
		name = u.Name + "/" + u.Version
	}
	return ownPrefix + (&url.URL{Path: name}).EscapedPath()
}

func idOf(doc any) string {
	if object, ok := doc.(map[string]any); ok {
		id, _ := object["$id"].(string)
		return id
	}
	return ""
}

// target is the schema that a reference in the one at base leads to, and the
// reference taken apart.
func (s *namedSet) target(base, ref string) (string, *url.URL, error) {
	self := base
	if id := idOf(s.docs[base]); id != "" {
		self = id
	}
	from, errBase := url.Parse(self)
	to, err := url.Parse(ref)
	if err = errors.Join(errBase, err); err != nil {
		return "", nil, err
	}
	if strings.HasPrefix(ref, "#") {
		return base, to, nil
	}
	resolved := from.ResolveReference(to)
	resolved.Fragment, resolved.RawFragment = "", ""
	return resolved.String(), to, nil
}

// fileOf is where the schema at a URL stands by the name of its file.
func (s *namedSet) fileOf(at string) string {
	if strings.HasPrefix(at, ownPrefix) {
		return at
	}
	for _, file := range slices.Sorted(maps.Keys(s.docs)) {
		if strings.HasPrefix(file, ownPrefix) && idOf(s.docs[file]) == at {
			return file
		}
	}
	return at
}

// Load implements jsonschema.URLLoader: it has the set and nothing else.
func (s *namedSet) Load(at string) (any, error) {
	if s != nil {
		if doc, ok := s.docs[at]; ok {
			return doc, nil
		}
	}
	return nil, errors.New("is not one of the schemas that were named: nothing else is read")
}

// compile makes the full check of the schema at url, with a nil set for a
// built-in file.
func (s *namedSet) compile(at string, view View) (*jsonschema.Schema, error) {
	var doc any
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if s == nil {
		raw, err := schemaFiles.ReadFile(at)
		if err != nil {
			return nil, err
		}
		if doc, err = readSchema(raw); err != nil {
			return nil, err
		}
		at = "built-in:///" + at
	} else {
		doc = s.docs[at]
	}
	c.UseLoader(s.viewed(view))
	if err := c.AddResource(at, opened(doc, view)); err != nil {
		return nil, err
	}
	return c.Compile(at)
}

// viewed is the set as one side sees it.
func (s *namedSet) viewed(view View) *namedSet {
	if s == nil || view == Closed {
		return s
	}
	v := &namedSet{docs: make(map[string]any, len(s.docs))}
	for at, doc := range s.docs {
		v.docs[at] = opened(doc, view)
	}
	return v
}

// opened removes what closes objects, everywhere a schema can stand.
func opened(doc any, view View) any {
	if view == Closed {
		return doc
	}
	switch doc := doc.(type) {
	case []any:
		list := make([]any, len(doc))
		for i, item := range doc {
			list[i] = opened(item, view)
		}
		return list
	case map[string]any:
		return openedObject(doc, view)
	}
	return doc
}

func openedObject(doc map[string]any, view View) any {
	o := make(map[string]any, len(doc))
	for name, v := range doc {
		closing := name == "additionalProperties" || name == "unevaluatedProperties"
		if closed, isBool := v.(bool); closing && isBool && !closed {
			continue
		}
		switch name {
		case "enum", "const", "default", "examples":
			o[name] = v
		case "properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies":
			o[name] = openedEach(v, view)
		default:
			o[name] = opened(v, view)
		}
	}
	return o
}

// openedEach opens the schemas of a map by name, where a member called
// additionalProperties is no keyword.
func openedEach(v any, view View) any {
	byName, ok := v.(map[string]any)
	if !ok {
		return v
	}
	o := make(map[string]any, len(byName))
	for name, sub := range byName {
		o[name] = opened(sub, view)
	}
	return o
}
