package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// changed is a payload of the type with the members of --set.
func (e *emission) changed(payload json.RawMessage, name string) (json.RawMessage, error) {
	if len(e.set) == 0 {
		return payload, nil
	}
	value, err := strictjson.Decode(payload)
	if err != nil {
		return nil, usagef("--data: %w", err)
	}
	root, ok := value.(map[string]any)
	if !ok {
		return nil, usagef("--set: the payload is no object")
	}
	members, err := e.catalogue.Members(name)
	if err != nil {
		members = nil // of a type that --topic lets through
	}
	for _, assignment := range e.set {
		path, text, ok := strings.Cut(assignment, "=")
		below, isData := strings.CutPrefix(path, "data.")
		if !ok || !isData || below == "" {
			return nil, usagef("--set %q: want data.member=value", assignment)
		}
		steps, err := parsePath(below)
		if err == nil {
			err = assign(root, steps, setValue(members, below, text))
		}
		if err != nil {
			return nil, usagef("--set %s: %w", path, err)
		}
	}
	return encodeJSON(root)
}

// changedEvent is an event with the members of --set.
func (e *emission) changedEvent(raw []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, usagef("--data: %w", err)
	}
	var name string
	if err := json.Unmarshal(members["type"], &name); err != nil && e.name == "" {
		return nil, usagef("--data: the event names no type")
	}
	if name == "" {
		name = e.name
	}
	data := members["data"]
	if data == nil {
		data = json.RawMessage("{}")
	}
	changed, err := e.changed(data, name)
	if err != nil {
		return nil, err
	}
	if members["data"] == nil {
		members["data"] = changed
		return encodeJSON(members)
	}
	// Everything else keeps its bytes and its place.
	var s strictjson.Scanner
	s.Reset(raw)
	more, err := s.OpenObject()
	for more && err == nil {
		var key, value []byte
		if key, err = s.Key(); err != nil {
			break
		}
		if value, err = s.Value(); err != nil {
			break
		}
		if string(key) == "data" {
			end := s.Pos()
			return slices.Concat(raw[:end-len(value)], changed, raw[end:]), nil
		}
		more, err = s.NextMember()
	}
	if err != nil {
		return nil, usagef("--data: %w", err)
	}
	return raw, nil
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// setValue reads the text of a --set: as it is where the member takes text,
// else as JSON. What is no JSON stays text, for the schema to refuse.
func setValue(members []events.DataMember, path, text string) any {
	i := slices.IndexFunc(members, func(m events.DataMember) bool { return m.Path == memberPath(path) })
	if i >= 0 && slices.Contains(members[i].Types, "string") {
		if len(members[i].Types) == 1 {
			return text
		}
	}
	value, err := strictjson.Decode([]byte(text))
	if err != nil {
		return text
	}
	return value
}

// memberPath is a path as a schema names it: [2] becomes [].
func memberPath(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		b.WriteByte(path[i])
		if path[i] == '[' {
			for i+1 < len(path) && path[i+1] != ']' {
				i++
			}
		}
	}
	return b.String()
}

// step is a member's name, or an index where name is "".
type step struct {
	name  string
	index int
}

// maxIndex bounds what --set adds to an array one by one.
const maxIndex = 10_000

// parsePath reads names joined by dots, each with indexes: lineItems[0].amount.
func parsePath(path string) ([]step, error) {
	var steps []step
	for _, part := range strings.Split(path, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("a name is missing")
		}
		steps = append(steps, step{name: name})
		for indexed {
			var digits string
			var closed bool
			if digits, rest, closed = strings.Cut(rest, "]"); !closed {
				return nil, fmt.Errorf("[ is not closed")
			}
			n, err := strconv.Atoi(digits)
			if err != nil || n < 0 || n > maxIndex {
				return nil, fmt.Errorf("[%s]: want an index from 0", digits)
			}
			steps = append(steps, step{index: n})
			if rest != "" && rest[0] != '[' {
				return nil, fmt.Errorf("%q follows an index", rest)
			}
			rest, indexed = strings.CutPrefix(rest, "[")
		}
	}
	return steps, nil
}

// assign sets a member, making the objects and arrays around it.
func assign(root map[string]any, steps []step, value any) error {
	changed, err := assigned(root[steps[0].name], steps[1:], value)
	if err != nil {
		return fmt.Errorf("%s: %w", steps[0].name, err)
	}
	root[steps[0].name] = changed
	return nil
}

// assigned is old with the value at the steps below it.
func assigned(old any, steps []step, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	if steps[0].name != "" {
		if old == nil {
			old = map[string]any{}
		}
		object, ok := old.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("is no object")
		}
		return object, assign(object, steps, value)
	}
	if old == nil {
		old = []any{}
	}
	list, ok := old.([]any)
	if !ok {
		return nil, fmt.Errorf("is no array")
	}
	at := steps[0].index
	if at > len(list) {
		return nil, fmt.Errorf("[%d]: the array has %d items, the next is [%d]", at, len(list), len(list))
	}
	if at == len(list) {
		list = append(list, nil)
	}
	var err error
	list[at], err = assigned(list[at], steps[1:], value)
	return list, err
}

// plainValue is a JSON value as --set takes it.
func plainValue(raw string) string {
	var text string
	if json.Unmarshal([]byte(raw), &text) == nil {
		return text
	}
	return raw
}
