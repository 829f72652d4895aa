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
