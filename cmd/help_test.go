package cmd

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand lists the commands that a user can see, below and with cmd.
func everyCommand(cmd *cobra.Command) []*cobra.Command {
	if cmd.Hidden {
		return nil
	}
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, everyCommand(sub)...)
	}
	return list
}

// TestHelpOfEveryCommand runs --help, at which flags that clash panic.
func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	commands := everyCommand(newRootCommand(testRoot()))
	if len(commands) < 15 {
		t.Fatalf("%d commands", len(commands))
	}
	for _, cmd := range commands {
		path := strings.Fields(cmd.CommandPath())[1:]
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			a := newApp(strings.NewReader(""), &out, &errOut)
			if code := a.run(t.Context(), append(slices.Clone(path), "--help")); code != 0 || errOut.Len() > 0 {
				t.Fatalf("exit code %d: %s", code, errOut.String())
			}
			for line := range strings.Lines(out.String()) {
				if len([]rune(line)) > helpWidth+40 {
					t.Errorf("line of %d characters: %s", len(line), line)
				}
			}
			if strings.Contains(out.String(), "Additional Commands") {
				t.Error("a command without a group")
			}
			checkTexts(t, cmd)
		})
	}
}

func checkTexts(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
		t.Errorf("Short %q: want a phrase without a period", cmd.Short)
	}
	if cmd.Runnable() && cmd.Name() != "help" && cmd.Example == "" {
		t.Error("no Example")
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if f.Usage == "" || f.Usage[:1] != strings.ToLower(f.Usage[:1]) && !strings.HasPrefix(f.Usage, "Java") && !strings.HasPrefix(f.Usage, "PostgreSQL") && !strings.HasPrefix(f.Usage, "JSON") {
			t.Errorf("--%s: usage %q: want lower case", f.Name, f.Usage)
		}
	})
}

// TestExamplesNameRealFlags parses what the examples call this tool with.
func TestExamplesNameRealFlags(t *testing.T) {
	t.Parallel()
	root := newRootCommand(testRoot())
	call := regexp.MustCompile(`manage-kafka ([^|<>()#]*)`)
	checked := 0
	for _, cmd := range everyCommand(root) {
		for line := range strings.Lines(cmd.Example) {
			for _, match := range call.FindAllStringSubmatch(line, -1) {
				words := strings.Fields(match[1])
				found, _, err := root.Find(words)
				if err != nil {
					t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
					continue
				}
				for _, word := range words {
					checkFlagWord(t, found, word, line)
					checked++
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d words checked", checked)
	}
}

func checkFlagWord(t *testing.T, cmd *cobra.Command, word, line string) {
	t.Helper()
	name, _, _ := strings.Cut(word, "=")
	if long, ok := strings.CutPrefix(name, "--"); ok && long != "" && long != "help" && cmd.Flag(long) == nil {
		t.Errorf("%s has no flag --%s: %s", cmd.CommandPath(), long, line)
	}
	if len(name) == 2 && name[0] == '-' && name[1] != '-' && (name[1] < '0' || name[1] > '9') && shortFlag(cmd, name[1:]) == nil {
		t.Errorf("%s has no flag %s: %s", cmd.CommandPath(), name, line)
	}
}

// TestManPages writes all pages and looks for the exit codes.
func TestManPages(t *testing.T) {
	t.Parallel()
	for _, cmd := range everyCommand(newRootCommand(testRoot())) {
		var first, second bytes.Buffer
		if err := manPage(cmd, &first); err != nil {
			t.Fatalf("%s: %v", cmd.CommandPath(), err)
		}
		if err := manPage(cmd, &second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two pages differ", cmd.CommandPath())
		}
		if n := strings.Count(first.String(), "\n.TP\n\\fB"); n < 11 {
			t.Errorf("%s: %d exit codes", cmd.CommandPath(), n)
		}
	}
}

// TestFlagsOfOneNameAgree keeps a flag from meaning two things in two commands.
func TestFlagsOfOneNameAgree(t *testing.T) {
	t.Parallel()
	short := map[string]string{}
	for _, cmd := range everyCommand(newRootCommand(newApp(strings.NewReader(""), io.Discard, io.Discard))) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			key := f.Name
			if f.Shorthand == "" {
				return
			}
			if other, ok := short[key]; ok && other != f.Shorthand {
				t.Errorf("%s: --%s is -%s here and -%s elsewhere", cmd.CommandPath(), f.Name, f.Shorthand, other)
			}
			short[key] = f.Shorthand
		})
	}
}
