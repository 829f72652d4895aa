package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxLines is where a file is more than one thing.
const maxLines = 350

// root returns the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources returns the content of every file of the repository that git tracks
// or would track, by slash-separated path.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not a git checkout, so its files are not known: %v", err)
	}
	files := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // deleted and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	if len(files) < 20 {
		t.Fatalf("%d files found, the repository has more", len(files))
	}
	return files
}

// forbidden are what tracked text must not hold: places of one machine and
// names of package registries, which are each machine's own configuration.
// They are put together here so that this file does not hold them either.
var forbidden = regexp.MustCompile(strings.Join([]string{
	`(^|[^A-Za-z0-9_.])/` + `(work|root|farm)/`,
	`registry\.npm` + `js\.org`, `repo1?\.` + `maven\.`, `proxy\.` + `golang\.org`,
	`(deb|snapshot)\.` + `debian\.org`, `pypi\.` + `org`,
}, "|"))

func TestNoPlacesOfOneMachine(t *testing.T) {
	t.Parallel()
	for name, data := range sources(t) {
		if bytes.IndexByte(data, 0) >= 0 {
			continue // not text
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if m := forbidden.Find(line); m != nil {
				t.Errorf("%s:%d holds %q", name, i+1, m)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"cd /wo" + "rk/x":            true,
		`"/ro` + `ot/.cache"`:        true,
		"a/work/b":                   false,
		"https://pypi." + "org/x":    true,
		"apt-get install docker.io":  false,
		"docker run -v data:/var/lo": false,
	} {
		if got := forbidden.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for name, data := range sources(t) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			continue
		}
		for _, fault := range faults(t, name, data) {
			t.Error(fault)
		}
	}
}

// unfinished marks work that was left for later.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|not implem` + `ented|unimplem` + `ented`)

// faults returns what is wrong with a Go file, a line each.
func faults(t *testing.T, name string, data []byte) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, data, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	fault := func(pos token.Pos, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: ", fset.Position(pos))+fmt.Sprintf(format, args...))
	}
	isTest := strings.HasSuffix(name, "_test.go")
	switch strings.TrimSuffix(file.Name.Name, "_test") {
	case "util", "utils", "helper", "helpers", "common", "types":
		fault(file.Name.Pos(), "package %s is named after nothing that it provides", file.Name.Name)
	}
	if lines := bytes.Count(data, []byte("\n")); lines > maxLines && !isTest {
		fault(file.Pos(), "%d lines, more than %d", lines, maxLines)
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if m := unfinished.Find(line); m != nil {
			found = append(found, fmt.Sprintf("%s:%d: %s", name, i+1, m))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				fault(n.Pos(), "init function; construct where it is used")
			}
		case *ast.CallExpr:
			if why := badCall(name, callee(n)); why != "" {
				fault(n.Pos(), "%s", why)
			}
		}
		return true
	})
	if strings.HasPrefix(name, "pkg/") && !isTest {
		for _, pos := range exposed(file, "sarama") {
			fault(pos, "a sarama type in an exported declaration")
		}
	}
	return found
}

// callee returns what a call names: f or x.f, "" for anything else.
func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// badCall says why a file must not call a function, "" when it may.
func badCall(file, f string) string {
	isTest := strings.HasSuffix(file, "_test.go")
	isMain := path.Base(file) == "main.go"
	switch f {
	case "panic", "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln":
		if !isTest && !isMain {
			return f + " outside main.go; return an error"
		}
	case "context.Background", "context.TO" + "DO":
		if !isTest && !isMain && file != "cmd/root.go" {
			return f + " outside main.go and cmd/root.go; take the caller's context"
		}
	case "time.Sleep":
		if isTest || strings.HasPrefix(file, "test/") || file == "internal/kafkatest/kafkatest.go" {
			return f + " in a test; poll with a deadline"
		}
	}
	return ""
}

// exposed returns where an exported declaration of the file names a type of the
// package that it imports under the name pkg.
func exposed(file *ast.File, pkg string) []token.Pos {
	var found []token.Pos
	look := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
					found = append(found, sel.Pos())
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || isExported(d.Recv.List[0].Type)) {
				look(d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() {
					lookAtType(s.Type, look)
				}
			}
		}
	}
	return found
}

// lookAtType looks at a type, of a struct only at what others can name.
func lookAtType(expr ast.Expr, look func(ast.Node)) {
	s, ok := expr.(*ast.StructType)
	if !ok {
		look(expr)
		return
	}
	for _, field := range s.Fields.List {
		if len(field.Names) == 0 || field.Names[0].IsExported() {
			look(field.Type)
		}
	}
}

// isExported reports whether a receiver's type can be named from outside.
func isExported(expr ast.Expr) bool {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return isExported(e.X)
	case *ast.IndexExpr:
		return isExported(e.X)
	case *ast.Ident:
		return e.IsExported()
	}
	return false
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		file, source string
		want         string // "" for none
	}{
		{"pkg/x/x.go", "package x\nfunc f() { panic(1) }", "panic outside main.go"},
		{"main.go", "package main\nfunc main() { os.Exit(1) }", ""},
		{"cmd/stop.go", "package cmd\nfunc f() { os.Exit(1) }", "os.Exit outside main.go"},
		{"cmd/stop.go", "package cmd\nfunc f() { log.Fatalf(``) }", "log.Fatalf outside main.go"},
		{"cmd/stop.go", "package cmd\nvar c = context.Background()", "context.Background outside"},
		{"cmd/root.go", "package cmd\nvar c = context.Background()", ""},
		{"pkg/x/x_test.go", "package x\nfunc f() { time.Sleep(1) }", "time.Sleep in a test"},
		{"test/x/x.go", "package x\nfunc f() { time.Sleep(1) }", "time.Sleep in a test"},
		{"pkg/x/x.go", "package x\nfunc init() {}", "init function"},
		{"pkg/x/x.go", "package x\nfunc (a a) init() {}", ""},
		{"pkg/utils/x.go", "package utils", "named after nothing"},
		{"pkg/x/x.go", "package x\n// TO" + "DO: more", "TO" + "DO"},
		{"pkg/x/x.go", "package x\n" + strings.Repeat("\n", maxLines), "lines, more than"},
		{"pkg/x/x.go", "package x\nfunc F() sarama.Client { return nil }", "sarama type"},
		{"pkg/x/x.go", "package x\nfunc (c *C) F(m map[string]*sarama.Broker) {}", "sarama type"},
		{"pkg/x/x.go", "package x\nfunc (c *c) F() sarama.Client { return nil }", ""},
		{"pkg/x/x.go", "package x\ntype T struct { F func(sarama.Client) }", "sarama type"},
		{"pkg/x/x.go", "package x\ntype T struct { f sarama.Client }", ""},
		{"pkg/x/x.go", "package x\nfunc F() { sarama.NewConfig() }", ""},
		{"internal/x/x.go", "package x\nfunc F() sarama.Client { return nil }", ""},
	} {
		got := strings.Join(faults(t, tc.file, []byte(tc.source)), "\n")
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q: found %q, want %q", tc.file, tc.source, got, tc.want)
		}
	}
}
