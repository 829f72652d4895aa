// Package examples_test holds docs/library.md to the programs that it quotes.
package examples_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// quote is a comment in the page that says what the next block quotes: a file and
// declarations in it, or a line of it.
var quote = regexp.MustCompile("(?m)^<!-- (examples/\\S+\\.go): (.+) -->\n```go\n((?s).*?)```$")

// Every Go block of the page is a declaration of an example, as it is.
func TestLibraryPageQuotesTheExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	found := quote.FindAllSubmatch(page, -1)
	if blocks := bytes.Count(page, []byte("```go")); len(found) != blocks || blocks < 5 {
		t.Errorf("%d of %d Go blocks say what they quote", len(found), blocks)
	}
	for _, q := range found {
		file, names, block := string(q[1]), string(q[2]), string(q[3])
		var want []string
		for name := range strings.SplitSeq(names, ", ") {
			text, err := declaration("../"+file, name)
			if err != nil {
				t.Error(err)
			}
			want = append(want, text)
		}
		if got := strings.TrimRight(block, "\n"); got != strings.Join(want, "\n\n") {
			t.Errorf("the quote of %s from %s is not what stands there:\n%s", names, file, strings.Join(want, "\n\n"))
		}
	}
}

// declaration is the text of a function, method or type with its comment.
func declaration(file, name string) (string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, parser.ParseComments)
	if err != nil {
		return "", err
	}
	text := func(doc *ast.CommentGroup, from, to token.Pos) string {
		if doc != nil {
			from = doc.Pos()
		}
		return string(source[fset.Position(from).Offset:fset.Position(to).Offset])
	}
	for _, decl := range parsed.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name {
				return text(d.Doc, d.Pos(), d.End()), nil
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && s.Name.Name == name {
					return text(d.Doc, d.Pos(), d.End()), nil
				}
			}
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}
