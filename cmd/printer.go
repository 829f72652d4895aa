package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// The values of --output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatName  = "name"
	formatEnv   = "env" // of commands that answer with endpoints
)

// style is what a piece of text means; its colour is the printer's affair.
type style int

const (
	styleError style = iota
	styleHint
	styleHead
	styleGood
	styleWarn
)

// printer is the one place that renders: the answer to out, the talk to errOut.
type printer struct {
	out      io.Writer
	errOut   io.Writer
	format   string
	quiet    bool
	verbose  bool
	outTTY   bool
	errTTY   bool
	outColor bool
	errColor bool
	takesEnv bool // the command answers in formatEnv too
}

func (p *printer) configure(g globalFlags, outTTY, errTTY bool) error {
	p.quiet, p.verbose, p.outTTY, p.errTTY = g.quiet, g.verbose, outTTY, errTTY
	switch g.color {
	case "always":
		p.outColor, p.errColor = true, true
	case "never":
	case "auto":
		plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
		p.outColor, p.errColor = outTTY && !plain, errTTY && !plain
	default:
		return usagef("--color %q: want auto, always or never", g.color)
	}
	switch p.format {
	case "", formatTable, formatJSON, formatYAML, formatName:
		return nil
	case formatEnv:
		if p.takesEnv {
			return nil
		}
	}
	if p.takesEnv {
		return usagef("--output %q: want table, json, yaml, name or env", p.format)
	}
	return usagef("--output %q: want table, json, yaml or name", p.format)
}

// outputFlag gives a command that answers with rows its -o.
func (a *app) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.print.format, "output", "o", formatTable, "output `format`: table, json, yaml or name")
	completeValues(cmd, "output", formatTable, formatJSON, formatYAML, formatName)
}

// status says one line on stderr, escaped, unless quiet.
func (p *printer) status(format string, args ...any) {
	p.status1(fmt.Sprintf(format, args...))
}

func (p *printer) status1(text string) {
	if !p.quiet {
		fmt.Fprintln(p.errOut, terminal.Lines(text))
	}
}

// warn says one line on stderr, also when quiet.
func (p *printer) warn(format string, args ...any) {
	fmt.Fprintf(p.errOut, "%s %s\n", p.paint(styleWarn, "warning:"), terminal.Lines(fmt.Sprintf(format, args...)))
}

// paint colours text for stderr.
func (p *printer) paint(s style, text string) string { return paint(p.errColor, s, text) }

func paint(on bool, s style, text string) string {
	if !on {
		return text
	}
	st := lipgloss.NewStyle()
	switch s {
	case styleError:
		st = st.Bold(true).Foreground(lipgloss.Color("1"))
	case styleHint:
		st = st.Foreground(lipgloss.Color("6"))
	case styleHead:
		st = st.Bold(true)
	case styleGood:
		st = st.Foreground(lipgloss.Color("2"))
	case styleWarn:
		st = st.Bold(true).Foreground(lipgloss.Color("3"))
	}
	return st.Render(text)
}

// column is one table column over rows of type T. JSON and YAML ignore columns
// and encode the rows themselves; name prints the first column.
type column[T any] struct {
	head  string
	cell  func(T) string
	right bool
	// style, when set, colours a cell on a terminal.
	style func(T) (style, bool)
}

// printRows answers with rows in the format that --output names.
func printRows[T any](p *printer, rows []T, cols []column[T]) error {
	if rows == nil {
		rows = []T{}
	}
	switch p.format {
	case formatJSON:
		return printJSON(p.out, rows)
	case formatYAML:
		return printYAML(p.out, rows)
	case formatName:
		var b strings.Builder
		for _, r := range rows {
			b.WriteString(terminal.Escape(cols[0].cell(r)) + "\n")
		}
		_, err := io.WriteString(p.out, b.String())
		return err
	}
	return printTable(p, rows, cols)
}

// printValue answers with one value: table is what a person sees.
func printValue(p *printer, v any, table func() error) error {
	switch p.format {
	case formatJSON:
		return printJSON(p.out, v)
	case formatYAML:
		return printYAML(p.out, v)
	}
	return table()
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printYAML goes by way of JSON, so that both have the same member names.
func printYAML(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	node, err := yamlNode(dec)
	if err != nil {
		return err
	}
	// The encoder keeps only the text of a write's error, and a closed pipe has to
	// be known as such.
	var text bytes.Buffer
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := enc.Encode(node); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	_, err = w.Write(text.Bytes())
	return err
}

// yamlNode is the JSON value that comes next. JSON text is not quite YAML: that
// refuses some control characters as they are, and long names.
func yamlNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(token)}
	switch token := token.(type) {
	case nil:
		n.Value = "null"
	case string:
		n.Tag = "!!str"
	case json.Delim:
		n.Kind, n.Value = yaml.SequenceNode, ""
		if token == '{' {
			n.Kind = yaml.MappingNode
		}
		for dec.More() { // the name of a member is a value too
			sub, err := yamlNode(dec)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, sub)
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		_, err = dec.Token()
	}
	return n, err
}

func joinList(list []string) string { return strings.Join(list, ",") }
