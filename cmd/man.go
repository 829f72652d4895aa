package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "man [COMMAND...]",
		Short:   "Write manual pages",
		GroupID: groupTool,
		Long: `Write the manual page of a command to standard output, or with --dir those of all
commands to a directory. Each page lists the exit codes.`,
		Example: `  manage-kafka man | man -l -
  manage-kafka man groups list | man -l -
  manage-kafka man --dir ~/.local/share/man/man1`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir != "" {
				if len(args) > 0 {
					return usageOf(cmd, errors.New("--dir writes all pages: give no command with it"))
				}
				return a.writePages(cmd.Root(), dir)
			}
			page, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 && page == cmd.Root() {
				return usageOf(cmd, fmt.Errorf("no command %q", strings.Join(args, " ")))
			}
			return manPage(page, a.out)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` to write all pages to, one a command")
	return cmd
}

// writePages writes the page of every command that help shows.
func (a *app) writePages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	count := 0
	var write func(*cobra.Command) error
	write = func(cmd *cobra.Command) error {
		if cmd.Hidden || cmd.Deprecated != "" {
			return nil
		}
		for _, sub := range cmd.Commands() {
			if err := write(sub); err != nil {
				return err
			}
		}
		var page bytes.Buffer
		if err := manPage(cmd, &page); err != nil {
			return err
		}
		count++
		return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"), page.Bytes(), 0o644)
	}
	if err := write(root); err != nil {
		return err
	}
	a.print.status("wrote %s to %s", plural(int64(count), "page"), dir)
	return nil
}

// manPage writes one page in roff, with the exit codes at its end.
func manPage(cmd *cobra.Command, w io.Writer) error {
	v := readVersion()
	header := &doc.GenManHeader{Section: "1", Source: "manage-kafka " + v.Version, Manual: "manage-kafka", Date: v.when()}
	// A page must not say when and with which generator it was made: the same
	// build writes the same bytes.
	cmd.Root().DisableAutoGenTag = true
	if err := doc.GenMan(cmd, header, w); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(".SH EXIT STATUS\n")
	for _, row := range exitCodeTexts() {
		code, text, _ := strings.Cut(strings.TrimSpace(row), " ")
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fP\n%s\n", code, roff(strings.TrimSpace(text)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// roff escapes text for a line of its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\\`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
