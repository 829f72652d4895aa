package cmd

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Whatever stands in a text, -o yaml has it and can be read again.
func TestYAMLHasEveryText(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, span := range [][2]rune{{0, 0x3000}, {0xd7f0, 0xd7ff}, {0xe000, 0xe010}, {0xfd00, 0x10010}, {0x10fff0, 0x10ffff}} {
		for r := span[0]; r <= span[1]; r++ {
			texts = append(texts, "a"+string(r)+"b", string(r))
		}
	}
	want := map[string]any{
		"texts": texts, strings.Repeat("n", 2000): "a long name", "no": "yes", "7": "7", "null": nil, "true": true, "numbers": []any{1, 2.5, -3},
		"none": []string{}, "nothing": map[string]any{}, "several": "one\n two\n", "": "",
	}
	var b bytes.Buffer
	if err := printYAML(&b, want); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	list, _ := got["texts"].([]any)
	if len(list) != len(texts) {
		t.Fatalf("%d texts of %d", len(list), len(texts))
	}
	for i, text := range list {
		if text != texts[i] {
			t.Errorf("%q came back as %q", texts[i], text)
		}
	}
	delete(want, "texts")
	delete(got, "texts")
	want["none"] = []any{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A reader that goes away is known as such in every form, so that the command ends
// silently.
func TestClosedPipeInEveryForm(t *testing.T) {
	t.Parallel()
	type row struct {
		Name string `json:"name"`
	}
	cols := []column[row]{{head: "NAME", cell: func(r row) string { return r.Name }}}
	for _, format := range []string{formatTable, formatJSON, formatYAML, formatName} {
		p := &printer{out: brokenPipe{}, format: format}
		if err := printRows(p, []row{{"orders"}}, cols); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("-o %s: error %v, want %v", format, err, syscall.EPIPE)
		}
	}
}
