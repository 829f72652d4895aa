package regschema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// jsonBase is the address of a schema that has none of its own, so that a
// relative "$ref" has something to be relative to.
const jsonBase = "registry:///"

// imports finds the schemas that a JSON Schema refers to, and nothing else.
type imports map[string]any

// Load implements [jsonschema.URLLoader]. A reference's name is the "$ref" as
// it is written, which arrives here resolved against the schema's address.
func (m imports) Load(url string) (any, error) {
	best, found := "", false
	for name := range m {
		if url == name {
			return m[name], nil
		}
		// Of a/b.json and b.json the longer name is the one that is meant.
		if strings.HasSuffix(url, "/"+strings.TrimPrefix(name, "/")) && (!found || len(name) > len(best)) {
			best, found = name, true
		}
	}
	if found {
		return m[best], nil
	}
	return nil, errors.New("is not among the schema's references: nothing else is read")
}

func compileJSON(s Source) (*jsonschema.Schema, error) {
	docs := imports{}
	for _, i := range s.Imports {
		doc, err := readJSON(i.Text)
		if err != nil {
			return nil, fmt.Errorf("reference %q: %w", i.Name, err)
		}
		docs[i.Name] = doc
	}
	doc, err := readJSON(s.Text)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(docs)
	root := jsonBase + "schema.json"
	if err := c.AddResource(root, doc); err != nil {
		return nil, err
	}
	return c.Compile(root)
}

// readJSON bounds the depth of a text and refuses members that stand twice,
// which readers take differently.
func readJSON(text string) (any, error) {
	return strictjson.Decode([]byte(text))
}
