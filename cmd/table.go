package cmd

import (
	"io"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// mostDrawn is how many rows the table library draws. It takes 8 µs a row,
// which for the topics of a large cluster is longer than asking for them.
const mostDrawn = 200

// printTable answers with a table: no lines, two blanks between the columns.
func printTable[T any](p *printer, rows []T, cols []column[T]) error {
	heads := make([]string, len(cols))
	right := make([]bool, len(cols))
	for i, c := range cols {
		heads[i], right[i] = paint(p.outColor, styleHead, c.head), c.right
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = make([]string, len(cols))
		for j, c := range cols {
			cells[i][j] = terminal.Escape(c.cell(r))
			if c.style == nil {
				continue
			}
			if s, ok := c.style(r); ok {
				cells[i][j] = paint(p.outColor, s, cells[i][j])
			}
		}
	}
	drawn, err := "", error(nil)
	if len(cells) > mostDrawn {
		drawn = alignTable(heads, right, cells)
	} else {
		drawn, err = drawTable(heads, right, cells)
	}
	if err != nil {
		return err
	}
	var trimmed strings.Builder
	for line := range strings.Lines(drawn) {
		trimmed.WriteString(strings.TrimRight(line, " \n"))
		trimmed.WriteByte('\n')
	}
	_, err = io.WriteString(p.out, trimmed.String())
	return err
}

// drawTable draws with the table library.
func drawTable(heads []string, right []bool, rows [][]string) (string, error) {
	align := make([]tw.Align, len(right))
	for i, r := range right {
		align[i] = tw.AlignLeft
		if r {
			align[i] = tw.AlignRight
		}
	}
	var b strings.Builder
	table := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithPadding(tw.Padding{Left: "", Right: "  ", Overwrite: true}),
	)
	table.Header(heads)
	for _, row := range rows {
		if err := table.Append(row); err != nil {
			return "", err
		}
	}
	if err := table.Render(); err != nil {
		return "", err
	}
	return b.String(), nil
}

// alignTable gives what drawTable does, by padding alone.
func alignTable(heads []string, right []bool, rows [][]string) string {
	widths := make([]int, len(heads))
	for i, h := range heads {
		widths[i] = textWidth(h)
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], textWidth(cell))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-textWidth(cell))
			if right[i] {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
			b.WriteString("  ")
		}
		b.WriteByte('\n')
	}
	line(heads)
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// textWidth is how many columns of a terminal a text takes.
func textWidth(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return lipgloss.Width(s)
		}
	}
	return len(s)
}
