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
			return nil, o.blame(err)
		}
		// Decoding to nodes alone lets keys that stand twice pass.
		if err := doc.Decode(new(any)); err != nil {
			return nil, o.blame(err)
		}
		o.docs = append(o.docs, doc)
	}
}

// pathForm is a place in a compose file, as error messages name it.
var pathForm = regexp.MustCompile(`\b(services|volumes|networks|configs|secrets|include|x-[\w-]+)((?:\.[\w-]+|\[[\w-]*\])+)`)

// quotedForm is a service in an error message.
var quotedForm = regexp.MustCompile(`service "([^"]+)"`)

// blame puts the override's file and line before an error of loading: without
// it the carried files load, which a test holds. A nil override blames nobody.
func (o *override) blame(err error) error {
	if o == nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	text = strings.TrimPrefix(text, "failed to parse "+o.path+": ")
	text = strings.TrimPrefix(text, "yaml: ")
	fault := &Error{File: o.path, Kind: ErrInvalid}
	if m := lineForm.FindStringSubmatch(text); m != nil {
		fault.Line, _ = strconv.Atoi(m[1]) // the form has digits alone
		text = strings.Replace(text, m[0], "", 1)
	} else if place := placeIn(text); place != nil {
		fault.Line = o.line(place...)
	}
	text = strings.TrimPrefix(text, "validating "+o.path+": ")
	fault.Err = errors.New(strings.TrimSpace(text))
	return fault
}

// placeIn finds the place that an error message is about.
func placeIn(text string) []string {
	if m := pathForm.FindString(text); m != "" {
		return strings.FieldsFunc(m, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	}
	if m := quotedForm.FindStringSubmatch(text); m != nil {
		return []string{"services", m[1]}
	}
	return nil
}

// line is where a place stands in the override, or as much of it as does; 0
// when nothing of it does.
func (o *override) line(place ...string) int {
	best, depth := 0, 0
	for _, doc := range o.docs {
		if len(doc.Content) == 0 {
			continue
		}
		node, line := doc.Content[0], 0
		for i, step := range place {
			var at int
			if node, at = child(node, step); node == nil {
				break
			}
			line = at
			if i+1 > depth {
				best, depth = line, i+1
			}
		}
	}
	return best
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
