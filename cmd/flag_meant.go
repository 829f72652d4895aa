package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// meantAnnotation marks a flag whose zero value stands for a flag that is not there.
const meantAnnotation = "meant"

// meant marks flags whose 0 or empty text would be taken for nothing said. In a
// command line it is refused instead: --failure "$ID" of a variable that is not
// set would select every letter.
func meant(s *pflag.FlagSet, flags ...string) {
	for _, flag := range flags {
		// The only error is a flag that does not exist, which every help test would show.
		_ = s.SetAnnotation(flag, meantAnnotation, []string{""})
	}
}

// checkMeant refuses marked flags that were given as nothing, or as a number
// below 0.
func checkMeant(cmd *cobra.Command) error {
	var bad error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, marked := f.Annotations[meantAnnotation]; !marked || bad != nil {
			return
		}
		text := f.Value.String()
		list, isList := f.Value.(pflag.SliceValue)
		switch kind := f.Value.Type(); {
		case isList && (len(list.GetSlice()) == 0 || slices.Contains(list.GetSlice(), "")), kind == "string" && text == "":
			bad = usageOf(cmd, fmt.Errorf("--%s is empty: leave it out, or say what is meant", f.Name))
		case kind == "duration" && (text == "0s" || strings.HasPrefix(text, "-")):
			bad = usageOf(cmd, fmt.Errorf("--%s %s: want a duration above 0", f.Name, text))
		case strings.HasPrefix(kind, "int") && (text == "0" || strings.HasPrefix(text, "-")):
			bad = usageOf(cmd, fmt.Errorf("--%s %s: want a number above 0", f.Name, text))
		}
	})
	return bad
}
