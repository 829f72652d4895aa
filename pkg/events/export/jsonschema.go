package export

import "fmt"

// bundle is one JSON Schema (2020-12) that any event of the catalogue meets.
// The schemas of the data are below "$defs", each under an id of its own.
func bundle(contracts []contract) ([]byte, error) {
	defs := map[string]any{"envelope": envelope()}
	var alternatives []any
	for _, k := range contracts {
		doc, err := decoded(k)
		if err != nil {
			return nil, err
		}
		id := fmt.Sprintf("urn:multi-tenant:event:%s:%d", k.Name, k.major)
		doc["$id"] = id
		defs[k.name()] = doc
		alternatives = append(alternatives, map[string]any{
			"properties": map[string]any{
				"type":        map[string]any{"const": k.Name},
				"dataVersion": map[string]any{"pattern": fmt.Sprintf("^%d\\.", k.major)},
				"data":        map[string]any{"$ref": id},
			},
		})
	}
	return indented(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:multi-tenant:events",
		"title":   "Events of the multi-tenant system",
		"allOf":   []any{map[string]any{"$ref": "#/$defs/envelope"}},
		"anyOf":   alternatives,
		"$defs":   defs,
	})
}
