// Package evolutiontest has the changes of schemas that every judge of them is
// held to: our own rules and the registries'.
package evolutiontest

import "fmt"

// Forms of an object schema: its properties and its required members.
const (
	Closed = `{"type":"object","properties":{%s},"required":[%s],"additionalProperties":false}`
	Opened = `{"type":"object","properties":{%s},"required":[%s]}`
)

// Object is an object schema of a form.
func Object(form, properties, required string) string {
	return fmt.Sprintf(form, properties, required)
}

// Change is one step from an old schema to a new one.
type Change struct {
	Name, Old, New string
	// Backward and Forward list, as "pointer rule", what speaks against it.
	Backward, Forward []string
}

// Changes lists steps of every kind that the rules tell apart.
func Changes() []Change {
	a, b := `"a":{"type":"string"}`, `"b":{"type":"integer"}`
	one := func(v string) string { return Object(Closed, `"a":`+v, ``) }
	return []Change{
		{"nothing", Object(Closed, a, `"a"`), Object(Closed, a, `"a"`), nil, nil},
		{"annotations", `{"type":"string","title":"x","description":"y","$id":"urn:x"}`, `{"type":"string","$comment":"z","examples":[1]}`, nil, nil},
		{"optional member, closed", Object(Closed, a, ``), Object(Closed, a+`,`+b, ``), nil, []string{"/properties/b member-refused"}},
		{"optional member, open", Object(Opened, a, ``), Object(Opened, a+`,`+b, ``), []string{"/properties/b/type type-narrowed"}, nil},
		{"required member, closed", Object(Closed, a, ``), Object(Closed, a+`,`+b, `"b"`), []string{"/required required-added"}, []string{"/properties/b member-refused"}},
		{"member gone, closed", Object(Closed, a+`,`+b, ``), Object(Closed, a, ``), []string{"/properties/b member-refused"}, nil},
		{"member becomes required", Object(Closed, a, ``), Object(Closed, a, `"a"`), []string{"/required required-added"}, nil},
		{"closed", Object(Opened, a, ``), Object(Closed, a, ``), []string{"/additionalProperties member-refused"}, nil},
		{"opened", Object(Closed, a, ``), Object(Opened, a, ``), nil, []string{"/additionalProperties member-refused"}},
		{"member forbidden", Object(Closed, a, ``), Object(Closed, `"a":false`, ``), []string{"/properties/a member-refused"}, nil},
		{"integer to number", one(`{"type":"integer"}`), one(`{"type":"number"}`), nil, []string{"/properties/a/type type-narrowed"}},
		{"string to integer", one(`{"type":"string"}`), one(`{"type":"integer"}`), []string{"/properties/a/type type-narrowed"}, []string{"/properties/a/type type-narrowed"}},
		{"null allowed", one(`{"type":"string"}`), one(`{"type":["string","null"]}`), nil, []string{"/properties/a/type type-narrowed"}},
		{"enum value added", one(`{"enum":["x"]}`), one(`{"enum":["x","y"]}`), nil, []string{"/properties/a/enum enum-narrowed"}},
		{"enum reordered", one(`{"enum":["x","y"]}`), one(`{"enum":["y","x"]}`), nil, nil},
		{"enum for string", one(`{"type":"string"}`), one(`{"type":"string","enum":["x"]}`), []string{"/properties/a enum-narrowed"}, nil},
		{"const is enum", one(`{"const":1}`), one(`{"enum":[1.0]}`), nil, nil},
		{"enum meets length", one(`{"enum":["x","yy"]}`), one(`{"type":"string","maxLength":2}`), nil, []string{"/properties/a enum-narrowed"}},
		{"enum breaks length", one(`{"enum":["x","yyy"]}`), one(`{"type":"string","maxLength":2}`), []string{"/properties/a enum-narrowed"}, []string{"/properties/a enum-narrowed"}},
		{"enum meets pattern", one(`{"enum":["ab"]}`), one(`{"pattern":"^a"}`), nil, []string{"/properties/a enum-narrowed"}},
		{"format added", one(`{"type":"string"}`), one(`{"type":"string","format":"email"}`), []string{"/properties/a/format format-changed"}, nil},
		{"pattern changed", one(`{"type":"string","pattern":"a"}`), one(`{"type":"string","pattern":"b"}`), []string{"/properties/a/pattern pattern-changed"}, []string{"/properties/a/pattern pattern-changed"}},
		{"longer allowed", one(`{"type":"string","maxLength":5}`), one(`{"type":"string","maxLength":9}`), nil, []string{"/properties/a/maxLength length-narrowed"}},
		{"minLength 0", one(`{"type":"string"}`), one(`{"type":"string","minLength":0}`), nil, nil},
		{"minLength", one(`{"type":"string","minLength":1}`), one(`{"type":"string","minLength":2}`), []string{"/properties/a/minLength length-narrowed"}, nil},
		{"minimum lowered", one(`{"type":"integer","minimum":1}`), one(`{"type":"integer","minimum":0}`), nil, []string{"/properties/a/minimum range-narrowed"}},
		{"exclusive to inclusive", one(`{"type":"number","exclusiveMinimum":1}`), one(`{"type":"number","minimum":1}`), nil, []string{"/properties/a/exclusiveMinimum range-narrowed"}},
		{"maximum", one(`{"type":"number","maximum":1}`), one(`{"type":"number","exclusiveMaximum":1}`), []string{"/properties/a/exclusiveMaximum range-narrowed"}, nil},
		{"multipleOf", one(`{"type":"number","multipleOf":6}`), one(`{"type":"number","multipleOf":3}`), nil, []string{"/properties/a/multipleOf range-narrowed"}},
		{"multipleOf 1 of integers", one(`{"type":"integer"}`), one(`{"type":"integer","multipleOf":0.5}`), nil, nil},
		{"bounds beyond 2^53", one(`{"type":"integer","maximum":9007199254740993}`), one(`{"type":"integer","maximum":9007199254740992}`), []string{"/properties/a/maximum range-narrowed"}, nil},
		{"items", one(`{"type":"array","items":{"type":"string"}}`), one(`{"type":"array","items":{"type":"string","maxLength":3}}`), []string{"/properties/a/items/maxLength length-narrowed"}, nil},
		{"unique", one(`{"type":"array"}`), one(`{"type":"array","uniqueItems":true}`), []string{"/properties/a/uniqueItems items-narrowed"}, nil},
		{"unique of one", one(`{"type":"array","maxItems":1}`), one(`{"type":"array","uniqueItems":true}`), nil, []string{"/properties/a/maxItems items-narrowed"}},
		{"minItems", one(`{"type":"array"}`), one(`{"type":"array","minItems":1}`), []string{"/properties/a/minItems items-narrowed"}, nil},
		{"items of an empty array", one(`{"type":"array","maxItems":0}`), one(`{"type":"array","maxItems":0,"items":{"type":"string"}}`), nil, nil},
		{"maxProperties of closed", Object(Closed, a, ``), `{"type":"object","properties":{` + a + `},"maxProperties":1,"additionalProperties":false}`, nil, nil},
		{"map values", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","additionalProperties":{"type":["string","null"]}}`, nil, []string{"/additionalProperties/type type-narrowed"}},
		{"map member named", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"string"}}`,
			[]string{"/properties/a/type type-narrowed"}, []string{"/properties/a/type type-narrowed"}},
		{"alternative added", `{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, []string{"/anyOf alternative-removed"}},
		{"alternatives reordered", `{"anyOf":[{"type":"null"},{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, nil},
		{"alternative for type", `{"type":"string"}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, []string{"/type type-narrowed"}},
		{"required alternative", `{"type":"object","anyOf":[{"required":["a"]}]}`, `{"type":"object","anyOf":[{"required":["a"]},{"required":["b"]}]}`, nil, []string{"/anyOf alternative-removed"}},
		{"unknown keyword, same", `{"not":{"const":1}}`, `{"not":{"const":1.0}}`, nil, nil},
		{"unknown keyword, new", `{}`, `{"not":{"const":1}}`, []string{"/not unknown-keyword"}, []string{" unknown-keyword"}},
		{"unknown keyword, other", `{"not":{"const":2}}`, `{"not":{"const":1}}`, []string{"/not unknown-keyword"}, []string{"/not unknown-keyword"}},
		{"patternProperties, beside", `{"patternProperties":{"^x":{}},"additionalProperties":false}`, `{"patternProperties":{"^x":{}},"properties":{"xa":{"type":"null"}},"additionalProperties":false}`,
			[]string{" unknown-keyword"}, []string{" unknown-keyword", "/properties/xa member-refused"}},
		{"reference followed", `{"$ref":"#/definitions/a","definitions":{"a":{"type":"string"}}}`, `{"type":"string"}`, nil, nil},
		{"reference with neighbours", `{"$ref":"#/definitions/a","minLength":1,"definitions":{"a":{"type":"string"}}}`, `{"$ref":"#/definitions/a","minLength":1,"definitions":{"a":{"type":"integer"}}}`,
			[]string{"/$ref unknown-keyword"}, []string{"/$ref unknown-keyword"}},
		{"reference deep in an unknown", `{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"string"}}}`, `{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"integer"}}}`,
			[]string{"/allOf unknown-keyword"}, []string{"/allOf unknown-keyword"}},
		{"title of a member", one(`{"type":"string"}`), one(`{"type":"string","title":"t","default":"x"}`), nil, nil},
		{"const changed", one(`{"const":1}`), one(`{"const":2}`), []string{"/properties/a/enum enum-narrowed"}, []string{"/properties/a/enum enum-narrowed"}},
		{"enum value removed", one(`{"enum":["x","y"]}`), one(`{"enum":["x"]}`), []string{"/properties/a/enum enum-narrowed"}, nil},
		{"number to integer", one(`{"type":"number"}`), one(`{"type":"integer"}`), []string{"/properties/a/type type-narrowed"}, nil},
		{"maxLength added", one(`{"type":"string"}`), one(`{"type":"string","maxLength":9}`), []string{"/properties/a/maxLength length-narrowed"}, nil},
		{"maximum raised", one(`{"type":"integer","maximum":1}`), one(`{"type":"integer","maximum":2}`), nil, []string{"/properties/a/maximum range-narrowed"}},
		{"maxItems lowered", one(`{"type":"array","maxItems":3}`), one(`{"type":"array","maxItems":2}`), []string{"/properties/a/maxItems items-narrowed"}, nil},
		{"uniqueItems dropped", one(`{"type":"array","uniqueItems":true}`), one(`{"type":"array"}`), nil, []string{"/properties/a/uniqueItems items-narrowed"}},
		{"pattern dropped", one(`{"type":"string","pattern":"a"}`), one(`{"type":"string"}`), nil, []string{"/properties/a/pattern pattern-changed"}},
		{"format dropped", one(`{"type":"string","format":"email"}`), one(`{"type":"string"}`), nil, []string{"/properties/a/format format-changed"}},
		{"member no longer required", Object(Closed, a, `"a"`), Object(Closed, a, ``), nil, []string{"/required required-added"}},
		{"required member of an open model", Object(Opened, a, ``), Object(Opened, a, `"a"`), []string{"/required required-added"}, nil},
		{"nested member becomes required", one(`{"type":"object","properties":{"n":{"type":"string"}},"additionalProperties":false}`), one(`{"type":"object","properties":{"n":{"type":"string"}},"required":["n"],"additionalProperties":false}`), []string{"/properties/a/required required-added"}, nil},
		{"everything to nothing", `true`, `false`, []string{" member-refused"}, nil},
	}
}
