// Package archtest holds the source to the rules of ARCHITECTURE.md and
// CONTRIBUTING.md that a compiler does not check.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/multi-tenant/manage-kafka"

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// name returns the path below the module, "." for its root.
func (p goPackage) name() string { return inModule(p.ImportPath) }

// inModule returns a package path below the module, "" for one outside.
func inModule(importPath string) string {
	if importPath == module {
		return "."
	}
	name, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return name
}

// list returns the packages of the module, without what their tests import.
func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages, the module has more", len(all))
	}
	return all
}

// Whoever imports pkg/ must not get a command line with it.
func TestLibrariesHaveNoCommandLine(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if !strings.HasPrefix(p.name(), "pkg/") && !strings.HasPrefix(p.name(), "internal/") {
			continue
		}
		for _, dep := range p.Deps {
			for _, banned := range []string{"github.com/spf13/", "lipgloss", "tablewriter"} {
				if strings.Contains(dep, banned) {
					t.Errorf("%s depends on %s, which belongs to cmd/", p.name(), dep)
				}
			}
		}
	}
}

// What a library is for decides what its importers have to compile.
func TestLibrariesStayLight(t *testing.T) {
	t.Parallel()
	const compose, kfake, gojq, pgx, http = "github.com/compose-spec/", "/kfake", "github.com/itchyny/gojq", "github.com/jackc/pgx", "/promhttp"
	heavy := map[string][]string{
		"pkg/kafka":                 {compose, kfake, gojq, pgx, http, "github.com/prometheus/", "go.opentelemetry.io/"},
		"pkg/eventbus":              {compose, kfake, gojq, pgx, http, "go.opentelemetry.io/otel/sdk"},
		"pkg/eventbus/app":          {compose, kfake, gojq, pgx, "go.opentelemetry.io/otel/sdk"},
		"pkg/eventbus/pgbus":        {compose, kfake, gojq, http, "go.opentelemetry.io/otel/sdk"},
		"pkg/eventbus/eventbustest": {compose, gojq, pgx, http, "go.opentelemetry.io/otel/sdk"},
	}
	for _, p := range list(t) {
		for _, bad := range heavy[p.name()] {
			for _, dep := range p.Deps {
				if strings.Contains(dep, bad) {
					t.Errorf("%s depends on %s", p.name(), dep)
				}
			}
		}
		delete(heavy, p.name())
	}
	for name := range heavy {
		t.Errorf("there is no package %s any more", name)
	}
}

// between are the arrows from one library to another, beside the one that
// every library may draw to pkg/kafka.
func between() map[string][]string {
	return map[string][]string{
		"pkg/eventbus":     {"pkg/events"},
		"pkg/dlq":          {"pkg/events"},
		"pkg/eventstore":   {"pkg/events", "pkg/eventbus"},
		"pkg/cluster":      {"pkg/topics"},
		"internal/letters": {"pkg/events"},
	}
}

// reserved are internal packages with few users; the others are open to all.
func reserved() map[string][]string {
	return map[string][]string{
		"internal/registry": {"pkg/console", "pkg/events"},
		"internal/letters":  {"pkg/console", "pkg/eventbus", "pkg/dlq"},
		"internal/embedded": {"pkg/cluster"},
	}
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			if to := inModule(imp); to != "" && !mayImport(p.name(), to) {
				t.Errorf("%s imports %s against the arrows of ARCHITECTURE.md", p.name(), to)
			}
		}
	}
}

// mayImport says whether one package of the module may import another.
func mayImport(from, to string) bool {
	top, _, _ := strings.Cut(from, "/")
	library := top == "pkg" || top == "internal"
	switch {
	case owner(from) == owner(to):
		return true // a package and what is below it
	case from == ".":
		return to == "cmd"
	case top == "test":
		return to != "cmd" // tests drive the binary
	case top == "examples":
		return strings.HasPrefix(to, "pkg/") // what others may import
	case to == "." || to == "cmd" || strings.HasPrefix(to, "test/"):
		return false
	case top == "cmd":
		return true
	case to == "pkg/kafka":
		return library
	case strings.HasPrefix(to, "pkg/"):
		return slices.Contains(between()[owner(from)], owner(to))
	case strings.HasPrefix(to, "internal/"):
		users, few := reserved()[owner(to)]
		return library && (!few || slices.Contains(users, owner(from)))
	}
	return library // files that the binary carries: compose, kubernetes …
}

// owner returns pkg/x for pkg/x and every package below it.
func owner(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return path.Join(parts[:min(len(parts), 2)]...)
}

func TestMayImport(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{".", "cmd", true},
		{".", "pkg/kafka", false},
		{"cmd", "pkg/dlq", true},
		{"cmd", "internal/embedded", true},
		{"pkg/dlq", "cmd", false},
		{"pkg/dlq", "pkg/kafka", true},
		{"pkg/kafka", "pkg/topics", false},
		{"pkg/dlq", "pkg/events", true},
		{"pkg/dlq", "pkg/eventbus", false},
		{"pkg/eventbus", "pkg/eventbus/pgbus", true},
		{"pkg/eventbus/pgbus", "event-sourcing", true},
		{"examples/tenant-service", "pkg/eventbus", true},
		{"examples/tenant-service", "internal/letters", false},
		{"pkg/eventbus/pgbus", "pkg/events", true},
		{"pkg/cluster", "compose", true},
		{"pkg/cluster", "internal/embedded", true},
		{"pkg/topics", "internal/embedded", false},
		{"pkg/topics", "internal/terminal", true},
		{"pkg/console", "internal/letters", true},
		{"pkg/topics", "internal/letters", false},
		{"internal/terminal", "pkg/topics", false},
		{"internal/groups", "pkg/kafka", true},
		{"pkg/kafka", "test/tier", false},
		{"compose", "pkg/kafka", false},
	} {
		if got := mayImport(tc.from, tc.to); got != tc.want {
			t.Errorf("%s -> %s: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

// Who looks for a package finds it in the map.
func TestMap(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	tree, _, _ := strings.Cut(string(text), "## Arrows")
	for _, p := range list(t) {
		top, name, _ := strings.Cut(p.name(), "/")
		if (top == "pkg" || top == "internal") && !strings.Contains(name, "/") && !strings.Contains(tree, "\n  "+name+"/") {
			t.Errorf("ARCHITECTURE.md's map has no %s/ below %s/", name, top)
		}
	}
}
