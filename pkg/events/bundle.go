package events

import (
	"encoding/json"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// Bundle returns what Schema does, with the schemas of other files that it refers
// to below its "$defs": it stands for itself, wherever it is read. The errors are
// those of Schema.
func (c *Catalogue) Bundle(name string, major int) (json.RawMessage, error) {
	raw, err := c.Schema(name, major)
	if err != nil {
		return nil, err
	}
	k, err := c.entries[name].contract(major)
	if err != nil || k.set == nil {
		return raw, err
	}
	root, ok := k.set.docs[k.url].(map[string]any)
	if !ok {
		return raw, nil
	}
	defs, _ := root["$defs"].(map[string]any)
	b := &bundler{set: k.set, places: map[string]string{k.url: ""}, defs: maps.Clone(defs)}
	if b.defs == nil {
		b.defs = map[string]any{}
	}
	moved := b.object(k.url, root, "", "")
	if len(b.defs) == len(defs) {
		return raw, nil
	}
	if own, ok := moved["$defs"].(map[string]any); ok {
		maps.Copy(b.defs, own)
	}
	moved["$defs"] = b.defs
	return json.Marshal(moved)
}

// bundler puts schemas of a set into one.
type bundler struct {
	set    *namedSet
	places map[string]string // of a file's schema in the bundle, as a JSON pointer
	defs   map[string]any
}

// moved is a part, at pointer, of the schema of a file that stands at place.
func (b *bundler) moved(at string, doc any, place, pointer string) any {
	switch doc := doc.(type) {
	case []any:
		list := make([]any, len(doc))
		for i, item := range doc {
			list[i] = b.moved(at, item, place, pointer+"/"+strconv.Itoa(i))
		}
		return list
	case map[string]any:
		return b.object(at, doc, place, pointer)
	}
	return doc
}

func (b *bundler) object(at string, doc map[string]any, place, pointer string) map[string]any {
	o := make(map[string]any, len(doc))
	for name, v := range doc {
		text, isText := v.(string)
		switch {
		case !below(name, pointer):
			o[name] = v
		case isText && name == "$ref":
			o[name] = b.ref(at, text)
		case isText && place != "" && pointer == "" && (name == "$id" || name == "$schema"):
			// both are the whole bundle's
		default:
			o[name] = b.moved(at, v, place, pointer+"/"+schema.EscapePointer(name))
		}
	}
	return o
}

// ref is where a reference leads to in the bundle. References were checked before
// the catalogue took them.
func (b *bundler) ref(at, ref string) string {
	target, _, err := b.set.target(at, ref)
	if err != nil {
		return ref
	}
	target = b.set.fileOf(target)
	_, fragment, _ := strings.Cut(ref, "#")
	place, seen := b.places[target]
	if !seen {
		key := b.free(path.Base(target))
		place = "/$defs/" + key
		b.places[target], b.defs[key] = place, nil
		b.defs[key] = b.moved(target, b.set.docs[target], place, "")
	}
	return "#" + place + fragment
}

// free is a name below "$defs" that needs no escapes in a reference.
func (b *bundler) free(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
	free := name
	for n := 2; ; n++ {
		if _, taken := b.defs[free]; !taken {
			return free
		}
		free = name + "." + strconv.Itoa(n)
	}
}
