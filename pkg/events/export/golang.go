package export

import (
	"cmp"
	"fmt"
	"go/token"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/identifier"
	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// goTypes is one Go file with a struct for the data of each type.
func goTypes(contracts []contract, o Options) ([]byte, error) {
	name := cmp.Or(o.Package, "payload")
	if !token.IsIdentifier(name) || name == "_" {
		return nil, fmt.Errorf("go types: %q cannot be the name of a Go package", name)
	}
	w := &goWriter{taken: map[string]bool{}}
	roots := make([]string, len(contracts)) // which come before the names of their parts
	for i, k := range contracts {
		roots[i] = unique(w.taken, identifier.Go(k.name()))
	}
	for i, k := range contracts {
		w.root(k, roots[i])
	}
	var b strings.Builder
	b.WriteString("// Code generated from the event schemas. DO NOT EDIT.\n\npackage " + name + "\n\n")
	if imports := w.imports(); imports != "" {
		b.WriteString(imports)
	}
	b.WriteString(w.body.String())
	return []byte(strings.TrimRight(b.String(), "\n") + "\n"), nil
}

// GoTypes is Write for Go with the types of one domain alone.
func GoTypes(c *events.Catalogue, domain string, o Options) ([]byte, error) {
	contracts, err := read(c)
	if err != nil {
		return nil, err
	}
	return goTypes(of(contracts, domain), o)
}

type goWriter struct {
	body       strings.Builder
	time, json bool
	taken      map[string]bool // names of the package
}

// unique is name, or where that is taken name with a number.
func unique(taken map[string]bool, name string) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = name + strconv.Itoa(n)
	}
	taken[free] = true
	return free
}

func (w *goWriter) imports() string {
	var list []string
	if w.json {
		list = append(list, `"encoding/json"`)
	}
	if w.time {
		list = append(list, `"time"`)
	}
	if len(list) == 0 {
		return ""
	}
	return "import (\n\t" + strings.Join(list, "\n\t") + "\n)\n\n"
}

func (w *goWriter) root(k contract, name string) {
	about := fmt.Sprintf("%s is the data of %s", name, k.Name)
	if !k.newest {
		about += fmt.Sprintf(" in its major version %d", k.major)
	}
	if k.model.Description != "" {
		about += ": " + lowered(k.model.Description)
	} else {
		about += "."
	}
	if k.model.Types != schema.Object || len(k.model.Properties) == 0 {
		t := w.goType(k.model, name)
		w.comment("", about)
		fmt.Fprintf(&w.body, "type %s %s\n\n", name, t)
		return
	}
	w.object(k.model, name, about)
}

func lowered(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToLower(s[:n]) + s[n:]
}

func (w *goWriter) comment(indent, text string) {
	for _, line := range commentLines(text) {
		w.body.WriteString(indent + "// " + line + "\n")
	}
}

// commentLines is a text without what no Go source may hold.
func commentLines(text string) []string {
	text = strings.NewReplacer("\x00", "", "\uFEFF", "").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	return wrap(text, 100)
}

// aligned writes lines of cells in columns, as gofmt has those of fields and
// constants that follow each other. To have it done by package go/format took
// half a megabyte of the binary; a test holds the two together.
func aligned(b *strings.Builder, lines [][]string) {
	var widths []int
	for _, cells := range lines {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range lines {
		b.WriteByte('\t')
		for i, cell := range cells {
			b.WriteString(cell)
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
			}
		}
		b.WriteByte('\n')
	}
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// object writes a struct and, after it, the types it needs.
func (w *goWriter) object(s *schema.Schema, name, about string) {
	var fields strings.Builder
	var together [][]string // fields that no comment stands between
	later := &goWriter{taken: w.taken}
	fieldNames := map[string]bool{}
	for _, p := range s.Properties {
		field := unique(fieldNames, identifier.Go(p.Name))
		t := later.member(s, p, name+field)
		tag := p.Name
		if !s.Requires(p.Name) {
			tag += ",omitempty"
		}
		if p.Schema.Description != "" {
			aligned(&fields, together)
			together = nil
			for _, line := range commentLines(p.Schema.Description) {
				fields.WriteString("\t// " + line + "\n")
			}
		}
		together = append(together, []string{field, t, goTag(tag)})
	}
	aligned(&fields, together)
	w.comment("", about)
	fmt.Fprintf(&w.body, "type %s struct {\n%s}\n\n", name, fields.String())
	w.body.WriteString(later.body.String())
	w.time, w.json = w.time || later.time, w.json || later.json
}

// goTag is the tag of a field, raw where its text allows for it.
func goTag(name string) string {
	tag := fmt.Sprintf("json:%q", name)
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

// member is the type of a field: a pointer where absent and zero differ.
func (w *goWriter) member(s *schema.Schema, p schema.Property, name string) string {
	t := w.goType(p.Schema, name)
	if s.Requires(p.Name) || strings.HasPrefix(t, "[]") || strings.HasPrefix(t, "map[") || t == "json.RawMessage" {
		return t
	}
	texts := p.Schema.Types == schema.String || len(p.Schema.AnyOf) > 0
	least := p.Schema.MinLength != nil && *p.Schema.MinLength > 0
	if texts && t != "time.Time" && (least || p.Schema.Format != "" || p.Schema.Pattern != "" || p.Schema.Enum != nil || len(p.Schema.AnyOf) > 0) {
		return t // the empty text is never valid: it can stand for an absent member
	}
	return "*" + t
}

func (w *goWriter) goType(s *schema.Schema, name string) string {
	if s == nil || len(s.Opaque) > 0 || s.Never {
		w.json = true
		return "json.RawMessage"
	}
	if len(s.AnyOf) > 0 {
		rest := *s
		rest.AnyOf = nil
		first := schema.Merge(&rest, s.AnyOf[0])
		for _, a := range s.AnyOf {
			if schema.Merge(&rest, a).Types != schema.String {
				w.json = true
				return "json.RawMessage"
			}
		}
		first.Format, first.Enum = "", nil
		return w.goType(first, name)
	}
	switch s.Types {
	case schema.String:
		return w.text(s, name)
	case schema.Boolean:
		return "bool"
	case schema.Integer:
		return "int64"
	case schema.Integer | schema.Number:
		return "float64"
	case schema.Array:
		return "[]" + w.goType(s.Items, strings.TrimSuffix(name, "s"))
	case schema.Object:
		if len(s.Properties) > 0 {
			name = unique(w.taken, name)
			w.object(s, name, name+" is a part of the data of the type above.")
			return name
		}
		return "map[string]" + w.goType(s.Additional, strings.TrimSuffix(name, "s"))
	}
	w.json = true
	return "json.RawMessage"
}

func (w *goWriter) text(s *schema.Schema, name string) string {
	if s.Format == "date-time" {
		w.time = true
		return "time.Time"
	}
	if len(s.Enum) == 0 {
		return "string"
	}
	name = unique(w.taken, name)
	w.comment("", fmt.Sprintf("%s is one of the constants that begin with its name.", name))
	fmt.Fprintf(&w.body, "type %s string\n\n", name)
	fmt.Fprintf(&w.body, "// The values of %s.\nconst (\n", name)
	var lines [][]string
	for _, l := range s.Enum {
		value, _ := l.Text()
		lines = append(lines, []string{unique(w.taken, name+identifier.Go(value)), name, "= " + strconv.Quote(value)})
	}
	aligned(&w.body, lines)
	w.body.WriteString(")\n\n")
	return name
}
