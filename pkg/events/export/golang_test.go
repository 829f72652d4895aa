package export_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
)

// compiles tells whether a source is good Go.
func compiles(source []byte) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "payload.go", source, 0)
	if err != nil {
		return err
	}
	conf := types.Config{Importer: packages{}}
	_, err = conf.Check("payload", files, []*ast.File{file}, nil)
	return err
}

// packages has of each package just the type that payloads take from it.
type packages struct{}

func (packages) Import(path string) (*types.Package, error) {
	names := map[string]string{"time": "Time", "encoding/json": "RawMessage"}
	pkg := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	name := types.NewTypeName(token.NoPos, pkg, names[path], nil)
	types.NewNamed(name, types.NewStruct(nil, nil), nil)
	pkg.Scope().Insert(name)
	pkg.MarkComplete()
	return pkg, nil
}

// Names that differ in signs alone, in Go's eyes, stay apart.
func TestGoTypesCompile(t *testing.T) {
	t.Parallel()
	own := []events.UserType{
		{Name: "own.made", Schema: []byte(`{"type":"object","properties":{"type":{},"@type":{},"userId":{"type":"object","properties":{"a":{}}},"user_id":{"type":"object","properties":{"b":{}}},
			"名称":{},"价格":{},"op":{"type":"string","enum":["","<","<=","a-b","a_b"]},"op_ab":{"type":"string","enum":["x"]}}}`)},
		{Name: "own.made_op", Schema: []byte(`{"type":"object","properties":{"a":{}}}`)},
		{Name: "own.made.op", Schema: []byte(`{"type":"string","enum":["a"]}`)},
	}
	source, err := export.GoTypes(catalogue(t, own...), "own", export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := compiles(source); err != nil {
		t.Errorf("%v\n%s", err, source)
	}
	for _, want := range []string{"type OwnMadeOp struct", "`json:\"@type,omitempty\"`", "Type2 ", "OwnMadeUserID2 struct"} {
		if !strings.Contains(string(source), want) {
			t.Errorf("%s is not in\n%s", want, source)
		}
	}
}

// What is written is as gofmt has it, for schemas of any shape and members of
// any name.
func TestGoTypesAreFormatted(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	names := []string{"id", "tenantId", "a-b", "größe", "x`y", `q"q`, "1st", "東", "veryLongNameOfAMember", "z", "@id", "tenant_id", "北"}
	texts := []string{"", "", "", "The amount.", "Über alles, 東京.", "with\x00 and \ufeff and `", strings.Repeat("many words ", 30), "*/ a\r\nnew line"}
	var object func(depth int) map[string]any
	value := func(depth int) map[string]any {
		s := map[string]any{}
		switch kind := rng.IntN(7); {
		case kind == 0 && depth > 0:
			s = object(depth - 1)
		case kind == 1 && depth > 0:
			s["type"], s["items"] = "array", object(depth-1)
		case kind == 2:
			s["type"], s["enum"] = "string", []string{"a", "long-one", "x`\"\x01", "", "<", "<="}[:1+rng.IntN(6)]
		case kind == 3:
			s["type"], s["format"] = "string", "date-time"
		case kind == 4:
			s["type"] = "integer"
		case kind == 5:
			s["type"], s["additionalProperties"] = "object", map[string]any{"type": "number"}
		default:
			s["type"] = "string"
		}
		if text := texts[rng.IntN(len(texts))]; text != "" {
			s["description"] = text
		}
		return s
	}
	object = func(depth int) map[string]any {
		members, required := map[string]any{}, []string{}
		for _, i := range rng.Perm(len(names))[:rng.IntN(len(names)+1)] {
			members[names[i]] = value(depth)
			if rng.IntN(2) == 0 {
				required = append(required, names[i])
			}
		}
		return map[string]any{"type": "object", "properties": members, "required": required}
	}
	for i := range 200 {
		root := object(2)
		if text := texts[rng.IntN(len(texts))]; text != "" {
			root["description"] = text
		}
		body, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		c := catalogue(t, events.UserType{Name: "own.happened", Schema: body})
		source, err := export.GoTypes(c, "own", export.Options{})
		if err != nil {
			t.Fatalf("%d: %v\n%s", i, err, body)
		}
		want, err := format.Source(source)
		if err != nil {
			t.Fatalf("%d: %v\n%s\n%s", i, err, body, source)
		}
		if err := compiles(source); err != nil {
			t.Fatalf("%d: %v\n%s\n%s", i, err, body, source)
		}
		if string(want) != string(source) {
			t.Fatalf("%d: gofmt would have\n%s\nnot\n%s", i, want, source)
		}
	}
}

func TestGoTypesWantAPackageName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "func", "_", "1a", "a;var x int"} {
		want := fmt.Sprintf("go types: %q cannot be the name of a Go package", name)
		if _, err := export.Write(catalogue(t), export.Go, export.Options{Package: name}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
