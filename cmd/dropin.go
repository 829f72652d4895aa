package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// scriptParameter maps the parameters of manage-kafka.ps1, in any letter case
// as PowerShell allows, to what stands for them here: a flag, or "" for the
// command's argument.
func scriptParameter(name string) (flag string, ok bool) {
	switch strings.ToLower(name) {
	case "topicname", "servicename":
		return "", true
	case "partitions":
		return "partitions", true
	case "replicationfactor":
		return "replication-factor", true
	}
	return "", false
}

// splitParameter takes "-Name" and "-Name:value" apart. ok is false for
// anything but the exact names after one dash.
func splitParameter(arg string) (flag, value string, joined, ok bool) {
	rest, dashed := strings.CutPrefix(arg, "-")
	if !dashed || strings.HasPrefix(rest, "-") {
		return "", "", false, false
	}
	name, value, joined := strings.Cut(rest, ":")
	flag, ok = scriptParameter(name)
	return flag, value, joined, ok
}

// scriptArgs rewrites a command line of manage-kafka.ps1 to this tool's own: its
// parameters become flags and arguments, and the command word may be written in
// any letter case. What is another flag's value, or stands after "--", stays as
// it is; so does a command line that holds none of the script's parameters.
func scriptArgs(root *cobra.Command, args []string) ([]string, error) {
	s := scriptLine{cmd: root}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return s.line(args[i:]), nil
		}
		if strings.HasPrefix(arg, cobra.ShellCompRequestCmd) && s.cmd == root {
			// A shell asks what to complete: its words are not a command line yet.
			return args, nil
		}
		flag, value, joined, ok := splitParameter(arg)
		switch {
		case ok:
			if !joined || value == "" {
				i++
				if i == len(args) || isParameter(args[i]) || args[i] == "--" {
					return nil, fmt.Errorf("%s: needs a value", strings.TrimSuffix(arg, ":"))
				}
				value = args[i]
			}
			s.parameter(flag, value)
		case takesValue(s.cmd, arg) && i+1 < len(args):
			s.out = append(s.out, arg, args[i+1])
			i++
		case len(arg) > 1 && arg[0] == '-':
			s.out = append(s.out, arg)
		default:
			s.word(arg)
		}
	}
	return s.line(nil), nil
}

func isParameter(arg string) bool {
	_, _, _, ok := splitParameter(arg)
	return ok
}

// scriptLine is a command line while it is rewritten.
type scriptLine struct {
	cmd  *cobra.Command // the deepest command so far
	out  []string
	held []string // arguments that came before the command they belong to
	last []string // arguments that begin with a dash: they go after "--"
}

// parameter adds one parameter of the script.
func (s *scriptLine) parameter(flag, value string) {
	switch {
	case flag != "":
		s.out = append(s.out, "--"+flag+"="+value)
	case strings.HasPrefix(value, "-"):
		s.last = append(s.last, value)
	case s.cmd.HasSubCommands():
		s.held = append(s.held, value)
	default:
		s.out = append(s.out, value)
	}
}

// word adds an argument; it is a command's name when one fits, in any case.
func (s *scriptLine) word(arg string) {
	if sub := subcommand(s.cmd, arg); sub != nil {
		s.cmd = sub
		arg = strings.ToLower(arg)
	}
	s.out = append(s.out, arg)
	if !s.cmd.HasSubCommands() {
		s.out = append(s.out, s.held...)
		s.held = nil
	}
}

// line is the rewritten command line with rest, "--" and what follows, at its end.
func (s *scriptLine) line(rest []string) []string {
	out := append(s.out, s.held...)
	if len(s.last) == 0 {
		return append(out, rest...)
	}
	if len(rest) == 0 {
		rest = []string{"--"}
	}
	return append(append(append(out, "--"), s.last...), rest[1:]...)
}

func subcommand(cmd *cobra.Command, word string) *cobra.Command {
	word = strings.ToLower(word)
	for _, sub := range cmd.Commands() {
		if sub.Name() == word || sub.HasAlias(word) {
			return sub
		}
	}
	return nil
}

// takesValue tells whether the argument after arg is the value of a flag in arg.
func takesValue(cmd *cobra.Command, arg string) bool {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		return !strings.Contains(long, "=") && needsNext(cmd.Flag(long))
	}
	if len(arg) < 2 || arg[0] != '-' {
		return false
	}
	// A run of short flags: the first that takes a value takes the rest of
	// the run, or the next argument where the run ends with it.
	for i := 1; i < len(arg); i++ {
		f := shortFlag(cmd, arg[i:i+1])
		if f == nil {
			return false
		}
		if needsNext(f) {
			return i == len(arg)-1
		}
		if i+1 < len(arg) && arg[i+1] == '=' {
			return false
		}
	}
	return false
}

func needsNext(f *pflag.Flag) bool { return f != nil && f.NoOptDefVal == "" }

func shortFlag(cmd *cobra.Command, letter string) *pflag.Flag {
	if f := cmd.Flags().ShorthandLookup(letter); f != nil {
		return f
	}
	for ; cmd != nil; cmd = cmd.Parent() {
		if f := cmd.PersistentFlags().ShorthandLookup(letter); f != nil {
			return f
		}
	}
	return nil
}
