package cmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The widths that help is wrapped to.
const (
	helpWidth    = 100 // where there is no terminal
	helpNarrow   = 60
	helpWideMost = 120
)

// shapeHelp makes help as wide as the terminal and puts cobra's own commands
// into a group, so that no heading stands over leftovers.
func shapeHelp(root *cobra.Command, out any) {
	root.SetHelpCommandGroupID(groupTool)
	width := fmt.Sprint(terminalWidth(out))
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", ".LocalFlags.FlagUsagesWrapped "+width,
		".InheritedFlags.FlagUsages", ".InheritedFlags.FlagUsagesWrapped "+width,
		"{{rpad .CommandPath .CommandPathPadding}} {{.Short}}", "{{rpad .Name .NamePadding}} {{.Short}}",
		"Additional help topics:", `Help topics, shown with "{{.CommandPath}} help TOPIC":`,
	).Replace(root.UsageTemplate()))
}

// checkHelpTopics makes help of what does not exist a wrong call: cobra shows
// the help of whatever it found on the way.
func checkHelpTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "help" {
			continue
		}
		cmd.Args = func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err == nil && len(rest) == 0 {
				return nil
			}
			return fmt.Errorf("no help for %q: there is no such command or topic below %q", strings.Join(args, " "), found.CommandPath())
		}
	}
}

func terminalWidth(out any) int {
	f, ok := out.(*os.File)
	if !ok {
		return helpWidth
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return helpWidth
	}
	return min(max(width, helpNarrow), helpWideMost)
}
