package composefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

// maxOverride bounds the file that a user may bring, in bytes.
const maxOverride = 1 << 20

// Error is a fault in a file, with the line where one is known.
type Error struct {
	File string
	Line int // 0 when unknown
	Kind error
	Err  error
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.File, e.Err)
}

// Unwrap gives the sentinel and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// override is the user's file, as text and as nodes that know their lines.
type override struct {
	path string
	text []byte
	docs []*yaml.Node
}

var lineForm = regexp.MustCompile(`line (\d+)(?:, column \d+)?: ?`)

func readOverride(path string) (*override, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxOverride+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxOverride {
		return nil, &Error{File: path, Kind: ErrInvalid, Err: fmt.Errorf("larger than %d bytes", maxOverride)}
	}
	o := &override{path: path, text: text}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		doc := new(yaml.Node)
		err := dec.Decode(doc)
		if errors.Is(err, io.EOF) {
			return o, nil
		}
		if err != nil {
			return nil, o.syntax(err)
		}
		// Decoding to nodes alone lets keys that stand twice pass.
		if err := doc.Decode(new(any)); err != nil {
			return nil, o.blame(err, nil)
		}
		o.docs = append(o.docs, doc)
	}
}

// syntax makes an error of text that is no YAML. The library's own line numbers
// are those of the block around the fault, counted from 0 or from 1: the line
// after the longest beginning that parses is where the reader has to look.
func (o *override) syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	fault := &Error{File: o.path, Kind: ErrInvalid, Err: errors.New(lineForm.ReplaceAllString(text, ""))}
	lines := bytes.SplitAfter(o.text, []byte("\n"))
	if len(lines) > 1000 {
		return fault // each beginning is parsed
	}
	for n := len(lines) - 1; n >= 0; n-- {
		if yaml.Unmarshal(bytes.Join(lines[:n], nil), new(yaml.Node)) == nil {
			fault.Line = n + 1
			break
		}
	}
	return fault
}

// pathForm is a place in a compose file, as error messages name it.
var pathForm = regexp.MustCompile(`\b(?:services|volumes|networks|configs|secrets|include|x-[\w-]+)(?:\.[\w-]+|\[[\w-]*\])+`)

// blame puts the override's file and line before an error of loading: without
// it the carried files load, which a test holds. again loads another text in
// the override's place. A nil override blames nobody.
func (o *override) blame(err error, again func(text []byte) error) error {
	if o == nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	text := err.Error()
	for _, words := range []string{"yaml: ", "unmarshal errors:\n  ", "failed to parse " + o.path + ": ", "validating " + o.path + ": ", "yaml: "} {
		text = strings.TrimPrefix(text, words)
	}
	fault := &Error{File: o.path, Kind: ErrInvalid}
	if m := lineForm.FindStringSubmatch(text); m != nil {
		fault.Line, _ = strconv.Atoi(m[1]) // the form has digits alone
		text = strings.Replace(text, m[0], "", 1)
	} else {
		fault.Line = o.find(text, again)
	}
	text = strings.TrimSuffix(strings.TrimSpace(text), ": invalid compose project")
	if member, ok := strings.CutSuffix(text, " false schema"); ok {
		text = member + ": compose knows no such member" // the schema allows nothing under that name
	}
	fault.Err = errors.New(text)
	return fault
}

// find gives the line that an error of loading is about: where its message
// names a member, that; else the part without which the rest loads.
func (o *override) find(text string, again func([]byte) error) int {
	line, depth := 0, 0
	for _, path := range pathForm.FindAllString(text, -1) {
		place := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
		if at, d := o.deepest(place); d > depth {
			line, depth = at, d
		}
	}
	if depth > 2 || again == nil {
		return line
	}
	if at := o.withoutEach(text, again); at > 0 {
		return at
	}
	return line
}

// withoutEach leaves out one part after the other, small ones first, and gives
// the line of the first without which the rest loads, else of the first
// without which another error comes.
func (o *override) withoutEach(text string, again func([]byte) error) int {
	if len(o.docs) != 1 || len(o.docs[0].Content) == 0 {
		return 0
	}
	top := o.docs[0].Content[0]
	var other int
	for _, p := range parts(top, 3) {
		err := p.without(func() error {
			text, err := yaml.Marshal(top)
			if err != nil {
				return err
			}
			return again(text)
		})
		switch {
		case err == nil:
			return p.key.Line
		case other == 0 && !strings.Contains(err.Error(), text):
			other = p.key.Line
		}
	}
	return other
}

// part is a member of a mapping.
type part struct {
	parent *yaml.Node
	key    *yaml.Node
}

// parts lists the members of a mapping and below it, the deepest first.
func parts(node *yaml.Node, depth int) []part {
	if node.Kind != yaml.MappingNode || depth == 0 {
		return nil
	}
	var list []part
	for i := 0; i+1 < len(node.Content); i += 2 {
		list = append(list, parts(node.Content[i+1], depth-1)...)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		list = append(list, part{node, node.Content[i]})
	}
	return list
}

// without calls f while the part is out of its mapping.
func (p part) without(f func() error) error {
	all := p.parent.Content
	i := slices.Index(all, p.key)
	p.parent.Content = slices.Concat(all[:i], all[i+2:])
	defer func() { p.parent.Content = all }()
	return f()
}

// line is where a place stands in the override, or as much of it as does; 0
// when nothing of it does.
func (o *override) line(place ...string) int {
	line, _ := o.deepest(place)
	return line
}

// deepest gives the line of as much of a place as stands in the override, and
// how many of its steps that is.
func (o *override) deepest(place []string) (line, depth int) {
	for _, doc := range o.docs {
		if len(doc.Content) == 0 {
			continue
		}
		node := doc.Content[0]
		for i, step := range place {
			var at int
			if node, at = child(node, step); node == nil {
				break
			}
			if i+1 > depth {
				line, depth = at, i+1
			}
		}
	}
	return line, depth
}

// child steps into a mapping by key or into a list by number, and gives the
// line where the step stands.
func child(node *yaml.Node, step string) (*yaml.Node, int) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1], node.Content[i].Line
			}
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Tag == "!!merge" {
				if found, line := child(node.Content[i+1], step); found != nil {
					return found, line
				}
			}
		}
	case yaml.SequenceNode:
		if n, err := strconv.Atoi(step); err == nil && n >= 0 && n < len(node.Content) {
			return node.Content[n], node.Content[n].Line
		}
		for _, item := range node.Content { // a list of mappings that are merged
			if item.Kind == yaml.AliasNode {
				if found, line := child(item, step); found != nil {
					return found, line
				}
			}
		}
	}
	return nil, 0
}

// lineOf is the line of the first scalar below a place that contains text,
// else that of the place.
func (o *override) lineOf(text string, place ...string) int {
	for _, doc := range o.docs {
		if len(doc.Content) == 0 {
			continue
		}
		node := doc.Content[0]
		for _, step := range place {
			if node, _ = child(node, step); node == nil {
				break
			}
		}
		if line := scalarLine(node, text); line > 0 {
			return line
		}
	}
	return o.line(place...)
}

func scalarLine(node *yaml.Node, text string) int {
	switch {
	case node == nil:
		return 0
	case node.Kind == yaml.ScalarNode && text != "" && strings.Contains(node.Value, text):
		return node.Line
	}
	for _, c := range node.Content {
		if line := scalarLine(c, text); line > 0 {
			return line
		}
	}
	return 0
}

// checkServices refuses services of the override that cannot run: one whose
// name was meant to be another's has neither image nor build.
func (o *override) checkServices(project *types.Project) error {
	for _, name := range project.ServiceNames() {
		service := project.Services[name]
		if service.Image == "" && service.Build == nil && service.Provider == nil {
			return &Error{File: o.path, Line: o.line("services", name), Kind: ErrInvalid,
				Err: fmt.Errorf("services.%s: neither image nor build, and it is no service of the stack", name)}
		}
	}
	for _, name := range []string{"kafka"} {
		if !slices.Contains(project.ServiceNames(), name) {
			return &Error{File: o.path, Line: o.line("services", name), Kind: ErrInvalid, Err: fmt.Errorf("services.%s: the stack does not work without it", name)}
		}
	}
	return nil
}
