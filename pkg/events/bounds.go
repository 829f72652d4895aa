package events

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// bounds measures a user's schema before it is compiled: how much work one
// value can cause is the number of its parts, each counted as often as
// references lead to it.
type bounds struct {
	set     *namedSet
	weights map[string]int
	nodes   int
}

const (
	// maxParts bounds a schema's parts as they stand, maxWeight with references
	// followed.
	maxParts  = 5_000
	maxWeight = 20_000
	open      = -1
)

// weigh returns the weight of doc, which stands at pointer in the schema at
// base.
func (b *bounds) weigh(base string, doc any, pointer string) (int, error) {
	at := base + "#" + pointer
	switch w := b.weights[at]; {
	case w == open:
		return 0, fmt.Errorf("at %q: $ref leads back to itself: recursive schemas are not taken", pointer)
	case w > 0:
		return w, nil
	}
	if b.nodes++; b.nodes > maxParts {
		return 0, fmt.Errorf("%w: it has more than %d parts", schema.ErrTooLarge, maxParts)
	}
	b.weights[at] = open
	weight, err := b.parts(base, doc, pointer)
	if err == nil && weight > maxWeight {
		err = fmt.Errorf("at %q: %w: with references followed it has more than %d parts", pointer, schema.ErrTooLarge, maxWeight)
	}
	b.weights[at] = weight
	return weight, err
}

func (b *bounds) parts(base string, doc any, pointer string) (int, error) {
	weight := 1
	add := func(sub any, token string) error {
		w, err := b.weigh(base, sub, pointer+"/"+schema.EscapePointer(token))
		weight += w
		return err
	}
	switch doc := doc.(type) {
	case []any:
		for i, item := range doc {
			if err := add(item, strconv.Itoa(i)); err != nil {
				return 0, err
			}
		}
	case map[string]any:
		for name, v := range doc {
			if !below(name, pointer) {
				continue
			}
			if err := refuse(name, v, pointer); err != nil {
				return 0, err
			}
			if ref, ok := v.(string); ok && name == "$ref" {
				w, err := b.ref(base, ref, pointer)
				if err != nil {
					return 0, err
				}
				weight += w
			}
			if err := add(v, name); err != nil {
				return 0, err
			}
		}
	}
	return weight, nil
}

// below leaves out the keywords whose values are data.
func below(name, pointer string) bool {
	switch name {
	case "enum", "const", "default", "examples":
		return namesSchemas(pointer)
	}
	return true
}

// namesSchemas tells whether the members of the object at pointer are schemas by
// names of the user's own, and no keywords.
func namesSchemas(pointer string) bool {
	switch pointer[strings.LastIndexByte(pointer, '/')+1:] {
	case "properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies":
		return true
	}
	return false
}

func refuse(name string, v any, pointer string) error {
	text, isText := v.(string)
	switch name {
	case "$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor", "$vocabulary":
		return fmt.Errorf("at %q: %s is not taken", pointer, name)
	case "$id":
		if pointer != "" && isText {
			return fmt.Errorf("at %q: $id is taken at the top only", pointer)
		}
	case "$schema":
		if isText && !strings.Contains(text, "draft-07/") && !strings.Contains(text, "draft/2020-12/") {
			return fmt.Errorf("$schema %s: only draft-07 and 2020-12 are taken", quote(text))
		}
	case "pattern":
		if isText && len(text) > schema.MaxPattern {
			return fmt.Errorf("at %q: %w: a pattern of %d bytes, %d are allowed", pointer, schema.ErrTooLarge, len(text), schema.MaxPattern)
		}
	}
	if strings.HasSuffix(pointer, "/patternProperties") && len(name) > schema.MaxPattern {
		return fmt.Errorf("at %q: %w: a pattern of %d bytes, %d are allowed", pointer, schema.ErrTooLarge, len(name), schema.MaxPattern)
	}
	return nil
}

// ref weighs what a reference leads to, which must be in the set.
func (b *bounds) ref(base, ref, pointer string) (int, error) {
	target, to, err := b.set.target(base, ref)
	if err != nil {
		return 0, fmt.Errorf("at %q: $ref %s: %w", pointer, quote(ref), err)
	}
	doc, ok := b.set.docs[target]
	if !ok {
		_, err := b.set.Load(target)
		return 0, fmt.Errorf("at %q: $ref %s: %w", pointer, quote(ref), err)
	}
	at := to.Fragment
	if at != "" && at[0] != '/' {
		return 0, fmt.Errorf("at %q: $ref %s: only JSON pointers are taken after #", pointer, quote(ref))
	}
	for _, token := range strings.Split(at, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch in := doc.(type) {
		case map[string]any:
			doc, ok = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if ok = err == nil && i >= 0 && i < len(in); ok {
				doc = in[i]
			}
		default:
			ok = false
		}
		if !ok {
			return 0, fmt.Errorf("at %q: $ref %s points at nothing", pointer, quote(ref))
		}
	}
	return b.weigh(target, doc, at)
}
