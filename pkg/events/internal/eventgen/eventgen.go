// Package eventgen makes the generated files of the event contract from its
// schemas: the registry of the built-in types, the Go types of their data and
// the catalogue for people.
package eventgen

import (
	"fmt"
	"go/format"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/identifier"
	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// A builtin is one type with its versions, ascending.
type builtin struct {
	name, summary string
	versions      []string
}

// Registry is the Go source of the registry of built-in types, made from the
// files <type>.v<major>.json in fsys. The error names a file whose title or
// "$id" does not say what its name says.
func Registry(fsys fs.FS) ([]byte, error) {
	types, err := readTypes(fsys)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("// Code generated from the event schemas. DO NOT EDIT.\n\npackage events\n")
	b.WriteString("\n// The built-in types, by name.\nconst (\n")
	for _, t := range types {
		fmt.Fprintf(&b, "\t%s = %q\n", identifier.Go(t.name), t.name)
	}
	b.WriteString(")\n\n// row is one type as the schema files have it.\ntype row struct {\n\tname, summary string\n\tversions []string\n}\n\nfunc registry() []row {\n\treturn []row{\n")
	for _, t := range types {
		fmt.Fprintf(&b, "\t\t{%s, %q, []string{%s}},\n", identifier.Go(t.name), t.summary, quoted(t.versions))
	}
	b.WriteString("\t}\n}\n")
	return format.Source([]byte(b.String()))
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// Domains lists the domains of the built-in types in the order of the contract.
func Domains() []string {
	return []string{"tenant", "user", "billing", "notification", "file", "analytics"}
}

func readTypes(fsys fs.FS) ([]builtin, error) {
	files, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, byDomain)
	var types []builtin
	for _, file := range files {
		name, version, summary, err := readSchema(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if n := len(types); n > 0 && types[n-1].name == name {
			types[n-1].versions = append(types[n-1].versions, version)
			types[n-1].summary = summary
			continue
		}
		types = append(types, builtin{name, summary, []string{version}})
	}
	return types, nil
}

// byDomain sorts files by domain, name and major version.
func byDomain(a, b string) int {
	domain := func(file string) int {
		d, _, _ := strings.Cut(file, ".")
		if i := slices.Index(Domains(), d); i >= 0 {
			return i
		}
		return len(Domains())
	}
	if d := domain(a) - domain(b); d != 0 {
		return d
	}
	nameA, majorA := split(a)
	nameB, majorB := split(b)
	if c := strings.Compare(nameA, nameB); c != 0 {
		return c
	}
	return majorA - majorB
}

func split(file string) (string, int) {
	base := strings.TrimSuffix(path.Base(file), ".json")
	i := strings.LastIndex(base, ".v")
	if i < 0 {
		return base, 0
	}
	major, err := strconv.Atoi(base[i+2:])
	if err != nil {
		return base, 0
	}
	return base[:i], major
}

func readSchema(fsys fs.FS, file string) (name, version, summary string, err error) {
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return "", "", "", err
	}
	s, err := schema.Parse(raw)
	if err != nil {
		return "", "", "", err
	}
	name, major := split(file)
	id := regexp.MustCompile(`^urn:multi-tenant:event:([a-z0-9_.]+):(([0-9]+)\.[0-9]+)$`).FindStringSubmatch(s.ID)
	switch {
	case major == 0:
		return "", "", "", fmt.Errorf("must be named <type>.v<major>.json")
	case s.Title != name:
		return "", "", "", fmt.Errorf("title is %q", s.Title)
	case id == nil || id[1] != name || id[3] != strconv.Itoa(major):
		return "", "", "", fmt.Errorf("$id is %q", s.ID)
	case !s.Simple():
		return "", "", "", fmt.Errorf("uses keywords outside the subset")
	case s.Description == "":
		return "", "", "", fmt.Errorf("has no description")
	}
	return name, id[2], s.Description, nil
}
