package topics

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

// ErrInvalidFile is a topics file that cannot be read as one; the error names
// every place as file:line.
var ErrInvalidFile = errors.New("invalid topics file")

// MaxFileSize is the largest topics file in bytes.
const MaxFileSize = 4 << 20

// ParseFile reads a topics file: YAML (or JSON, which is YAML) of this form,
// where only name is required.
//
//	defaults:            # for every topic that does not say otherwise
//	  partitions: 3
//	  replication: 3
//	  config: {min.insync.replicas: 2}
//	topics:
//	  - name: orders
//	    partitions: 6
//	    config: {retention.ms: 86400000}
//	    dlq: true        # also orders.dlq
//
// Unknown fields, repeated names and settings that Kafka would refuse are
// [ErrInvalidFile]; all of them are reported, with name and line.
func ParseFile(name string, body []byte, forceConfig bool) ([]Spec, error) {
	p := &fileParser{name: name, force: forceConfig, lines: map[string]int{}}
	if len(body) > MaxFileSize {
		return nil, fmt.Errorf("%s: %w: larger than %d MiB", name, ErrInvalidFile, MaxFileSize>>20)
	}
	dec := yaml.NewDecoder(bytes.NewReader(body))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w: it is empty", name, ErrInvalidFile)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, ErrInvalidFile, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w: more than one document", name, ErrInvalidFile)
	}
	specs := p.file(doc.Content[0])
	if err := errors.Join(p.bad...); err != nil {
		return nil, err
	}
	return specs, nil
}

type fileParser struct {
	name  string
	force bool
	bad   []error
	lines map[string]int // where a topic was named
}

func (p *fileParser) fail(n *yaml.Node, format string, args ...any) {
	p.bad = append(p.bad, fmt.Errorf("%s:%d: %w: %s", p.name, n.Line, ErrInvalidFile, fmt.Sprintf(format, args...)))
}

// fields calls take with each field of a mapping, and refuses those that are
// not in known or stand twice.
func (p *fileParser) fields(n *yaml.Node, what string, known []string, take func(field string, value *yaml.Node)) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s: want a mapping of %s", what, strings.Join(known, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		found := false
		for _, k := range known {
			found = found || k == key.Value
		}
		switch {
		case !found:
			hint := ""
			if near := spelling.Nearest(key.Value, known); len(near) > 0 {
				hint = "; did you mean " + near[0] + "?"
			}
			p.fail(key, "%s: unknown field %q%s", what, clip(key.Value), hint)
		case seen[key.Value]:
			p.fail(key, "%s: field %s stands twice", what, key.Value)
		default:
			seen[key.Value] = true
			take(key.Value, value)
		}
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (p *fileParser) file(n *yaml.Node) []Spec {
	var defaults Spec
	var list *yaml.Node
	p.fields(n, "file", []string{"defaults", "topics"}, func(field string, value *yaml.Node) {
		if field == "topics" {
			list = value
			return
		}
		p.fields(value, "defaults", []string{"partitions", "replication", "config"}, func(field string, value *yaml.Node) {
			p.common(&defaults, "defaults", field, value)
		})
	})
	if list == nil {
		p.fail(n, "no field topics")
		return nil
	}
	if list.Kind != yaml.SequenceNode {
		p.fail(list, "topics: want a list")
		return nil
	}
	var specs []Spec
	for _, item := range list.Content {
		specs = append(specs, p.topic(resolve(item), defaults)...)
	}
	p.collisions(specs)
	return specs
}

func (p *fileParser) topic(n *yaml.Node, defaults Spec) []Spec {
	spec := Spec{Partitions: defaults.Partitions, Replication: defaults.Replication, Config: maps.Clone(defaults.Config)}
	if spec.Config == nil {
		spec.Config = map[string]string{}
	}
	before := len(p.bad)
	queue := false
	p.fields(n, "topic", []string{"name", "partitions", "replication", "config", "dlq"}, func(field string, value *yaml.Node) {
		switch field {
		case "name":
			spec.Name = value.Value
			if value.Kind != yaml.ScalarNode {
				p.fail(value, "name: want a text")
			}
		case "dlq":
			if err := value.Decode(&queue); err != nil {
				p.fail(value, "dlq: want true or false")
			}
		default:
			p.common(&spec, spec.Name, field, value)
		}
	})
	if spec.Name == "" && len(p.bad) == before {
		p.fail(n, "topic without a name")
	}
	if len(p.bad) > before {
		return nil
	}
	all := []Spec{spec}
	if queue {
		all = append(all, DLQ(spec))
	}
	for _, s := range all {
		if err := s.Check(p.force); err != nil {
			for _, one := range unjoin(err) {
				p.fail(n, "%v", one)
			}
		}
		if line, ok := p.lines[s.Name]; ok {
			p.fail(n, "%s: named on line %d already", s.Name, line)
		}
		p.lines[s.Name] = n.Line
	}
	return all
}

// common reads the fields that defaults and topics share.
func (p *fileParser) common(s *Spec, what, field string, value *yaml.Node) {
	switch field {
	case "partitions":
		s.Partitions = int32(p.number(value, field, 1, MaxPartitions))
	case "replication":
		s.Replication = int16(p.number(value, field, -1, 1000))
	case "config":
		if value.Kind != yaml.MappingNode {
			p.fail(value, "config: want a mapping of settings")
			return
		}
		if s.Config == nil {
			s.Config = map[string]string{}
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(value.Content); i += 2 {
			key, v := value.Content[i], resolve(value.Content[i+1])
			if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
				p.fail(v, "%s: config %s: want a text, a number or true or false", what, clip(key.Value))
			}
			if seen[key.Value] {
				p.fail(key, "%s: config %s stands twice", what, clip(key.Value))
			}
			seen[key.Value] = true
			s.Config[key.Value] = v.Value
		}
	}
}

func (p *fileParser) number(n *yaml.Node, field string, least, most int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most || v == 0 {
		p.fail(n, "%s: want a whole number from %d to %d", field, max(least, 1), most)
		return 0
	}
	return v
}

func (p *fileParser) collisions(specs []Spec) {
	byMetric := map[string]string{}
	for _, s := range specs {
		key := metricName(s.Name)
		if other, ok := byMetric[key]; ok && other != s.Name {
			p.fail(&yaml.Node{Line: p.lines[s.Name]}, "%s: a cluster cannot hold it beside %s, from which it differs only in '.' and '_'", s.Name, other)
		}
		byMetric[key] = s.Name
	}
}

// unjoin gives the errors that errors.Join put together, none for nil.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
