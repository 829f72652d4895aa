package regschema

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// protoRoot is the file name of the schema itself, unless an import has it.
	protoRoot = "schema.proto"
	// maxNesting bounds the braces and brackets that stand open at once: the
	// parser and the linker recurse.
	maxNesting = 128
)

func compileProto(ctx context.Context, s Source) (protoreflect.FileDescriptor, error) {
	files := map[string]string{}
	for _, i := range s.Imports {
		files[i.Name] = i.Text
	}
	root := protoRoot
	for _, taken := files[root]; taken; _, taken = files[root] {
		root = "_" + root
	}
	files[root] = s.Text
	for name, text := range files {
		if depth := nesting(text); depth > maxNesting {
			return nil, fmt.Errorf("%s: nested %d deep, %d are allowed", name, depth, maxNesting)
		}
	}
	c := protocompile.Compiler{
		MaxParallelism: 1,
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			Accessor: func(path string) (io.ReadCloser, error) {
				text, ok := files[path]
				if !ok {
					return nil, fmt.Errorf("%s: is not among the schema's references: %w", path, fs.ErrNotExist)
				}
				return io.NopCloser(strings.NewReader(text)), nil
			},
		}),
	}
	compiled, err := c.Compile(ctx, root)
	if err != nil {
		return nil, err
	}
	return compiled[0], nil
}

// nesting is how many braces, brackets and angles a text opens at most, those
// in strings and comments among them.
func nesting(text string) int {
	depth, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[', '<', '(':
			depth++
			most = max(most, depth)
		case '}', ']', '>', ')':
			depth--
		}
	}
	return most
}

// findMessage finds the message that indexes point to: the place among the file's
// messages, then among those inside it, and so on.
func findMessage(file protoreflect.FileDescriptor, indexes []int) (protoreflect.MessageDescriptor, error) {
	list := file.Messages()
	var found protoreflect.MessageDescriptor
	for _, i := range indexes {
		if i < 0 || i >= list.Len() {
			return nil, fmt.Errorf("message index %v: the schema has no such message", indexes)
		}
		found = list.Get(i)
		list = found.Messages()
	}
	if found == nil {
		return nil, fmt.Errorf("message index %v is empty", indexes)
	}
	return found, nil
}
