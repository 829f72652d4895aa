package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/docs"
)

// newOtherToolsTopic is shown by "help other-tools": the tables of the page of that
// name, two lines a row.
func newOtherToolsTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "other-tools",
		Short: "Commands of kcat, kcl, rpk, kaf, kafkactl and Kafka's own tools, and what they are here",
		Long:  otherToolsText(docs.OtherTools),
		Example: `  manage-kafka consumer orders -e -f jsonl
  manage-kafka help other-tools`,
	}
}

// otherToolsText makes text of a page of tables with two columns.
func otherToolsText(page string) string {
	var b strings.Builder
	b.WriteString("What is typed with other tools and, below it, here:\n")
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			b.WriteString("\n" + title + ":\n")
			continue
		}
		there, here, ok := tableRow(line)
		if ok {
			b.WriteString("  " + strings.ReplaceAll(there, "\n", "\n  ") + "\n      " + strings.ReplaceAll(here, "\n", "\n      ") + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// tableRow takes a row of a table of two columns apart, without the marks of code and
// with each of several commands on a line; ok is false for headings and everything else.
func tableRow(line string) (there, here string, ok bool) {
	line, starts := strings.CutPrefix(line, "| ")
	line, ends := strings.CutSuffix(line, " |")
	there, here, cut := strings.Cut(line, " | ")
	if !starts || !ends || !cut || here == "here" {
		return "", "", false
	}
	plain := strings.NewReplacer("`, `", "\n", "`", "", `\|`, "|")
	return plain.Replace(there), plain.Replace(here), true
}
