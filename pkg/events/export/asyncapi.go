package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/identifier"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func ref(pointer string) map[string]any { return map[string]any{"$ref": pointer} }

// asyncAPI is a document of AsyncAPI 3.0: a channel for each topic, a message
// for each version of a type, both directions. JSON is YAML too.
func asyncAPI(c *events.Catalogue, contracts []contract, o Options) ([]byte, error) {
	version := o.Version
	if version == "" {
		version = "1.0.0"
	}
	channels, operations := map[string]any{}, map[string]any{}
	messages, schemas := map[string]any{}, map[string]any{"envelope": envelope(), "headers": headers()}
	byTopic := map[string]map[string]any{}
	for _, k := range contracts {
		doc, err := decoded(k)
		if err != nil {
			return nil, err
		}
		schemas[k.name()] = relocated(doc, "#/components/schemas/"+k.name())
		m, err := message(c, k)
		if err != nil {
			return nil, err
		}
		messages[k.name()] = m
		if byTopic[k.Topic] == nil {
			byTopic[k.Topic] = map[string]any{}
		}
		byTopic[k.Topic][k.name()] = ref("#/components/messages/" + k.name())
	}
	taken := map[string]bool{}
	for _, topic := range slices.Sorted(maps.Keys(byTopic)) {
		id, list := channelID(topic), byTopic[topic]
		name := strings.ToUpper(id[:1]) + id[1:]
		operation := unique(taken, name)
		id += strings.TrimPrefix(operation, name) // its number, where it got one
		channels[id] = map[string]any{
			"address": topic, "messages": list,
			"description": fmt.Sprintf("Dead letters go to %s.", events.DeadLetterTopic(topic)),
			"bindings":    map[string]any{"kafka": map[string]any{"topic": topic, "bindingVersion": "0.5.0"}},
		}
		for _, action := range []string{"send", "receive"} {
			operations[action+operation] = map[string]any{"action": action, "channel": ref("#/channels/" + id)}
		}
	}
	return indented(map[string]any{
		"asyncapi": "3.0.0",
		"info": map[string]any{
			"title": "Events of the multi-tenant system", "version": version,
			"description": "Every record value is one JSON object: the envelope with the type's data in it.",
		},
		"defaultContentType": events.ContentType,
		"channels":           channels,
		"operations":         operations,
		"components":         map[string]any{"messages": messages, "schemas": schemas},
	})
}

// channelID turns tenant.events into tenantEvents. A topic with other signs or
// capitals keeps its own spelling, which the specification allows.
func channelID(topic string) string {
	if strings.ContainsAny(topic, "-_") || strings.ToLower(topic) != topic {
		return topic
	}
	name := identifier.Pascal(topic)
	return strings.ToLower(name[:1]) + name[1:]
}

func message(c *events.Catalogue, k contract) (map[string]any, error) {
	m := map[string]any{
		"name": k.Name, "title": k.Name, "summary": k.model.Description, "contentType": events.ContentType,
		"headers": ref("#/components/schemas/headers"),
		"payload": map[string]any{"allOf": []any{
			ref("#/components/schemas/envelope"),
			map[string]any{"properties": map[string]any{
				"type": map[string]any{"const": k.Name},
				"data": ref("#/components/schemas/" + k.name()),
			}},
		}},
		"bindings": map[string]any{"kafka": map[string]any{
			"key":            map[string]any{"type": "string", "description": keyText(k.Key)},
			"bindingVersion": "0.5.0",
		}},
	}
	if !k.newest {
		return m, nil
	}
	e, err := c.Example(k.Name, 1)
	if err != nil {
		return m, nil // a user's schema that no example can be made for
	}
	m["examples"] = []any{map[string]any{"name": "example", "payload": json.RawMessage(e.Encode())}}
	return m, nil
}

func keyText(rule events.KeyRule) string {
	if rule == "" {
		return "The tenant's id, else the event's."
	}
	text := strings.ReplaceAll(string(rule), "|", ", else ")
	return text + ", in the envelope."
}

func headers() map[string]any {
	properties := map[string]any{}
	for _, name := range []string{events.HeaderID, events.HeaderType, events.HeaderVersion, events.HeaderTenant,
		events.HeaderCorrelation, events.HeaderContentType, events.HeaderTraceparent} {
		properties[name] = map[string]any{"type": "string"}
	}
	return map[string]any{
		"description": "What consumers filter by without reading the value.",
		"type":        "object", "properties": properties,
		"required": []string{events.HeaderID, events.HeaderType, events.HeaderVersion, events.HeaderContentType},
	}
}

// relocated prefixes the local references of a schema that moves to at.
func relocated(doc any, at string) any {
	switch doc := doc.(type) {
	case []any:
		for i := range doc {
			doc[i] = relocated(doc[i], at)
		}
	case map[string]any:
		for name, v := range doc {
			if r, ok := v.(string); ok && name == "$ref" && strings.HasPrefix(r, "#") {
				doc[name] = at + r[1:]
				continue
			}
			doc[name] = relocated(v, at)
		}
	}
	return doc
}
