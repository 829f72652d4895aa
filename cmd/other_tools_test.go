package cmd

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a hint names in place of another tool's flag or command has to exist.
func TestHintsForOtherToolsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := newRootCommand(newApp(strings.NewReader(""), &out, &out))
	var flags []string
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.InheritedFlags() // so that it knows them
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags = append(flags, "--"+f.Name)
			if f.Shorthand != "" {
				flags = append(flags, "-"+f.Shorthand)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	named := regexp.MustCompile(`(?:^|[ ,])(--[a-z][a-z-]+|-[a-zA-MO-Z])\b`)
	for _, table := range []map[string]string{
		flagsElsewhere(), rootFlagsElsewhere(), consumerFlagsElsewhere(), producerFlagsElsewhere(),
		topicFlagsElsewhere(), groupFlagsElsewhere(), resetFlagsElsewhere(),
	} {
		for flag, here := range table {
			for _, match := range named.FindAllStringSubmatch(here, -1) {
				if !slices.Contains(flags, match[1]) {
					t.Errorf("for %s a hint names %s, which no command has", flag, match[1])
				}
			}
		}
	}

	words := strings.Fields("topic topics group consumer-group cluster brokers config profile tail cat query fake container ls kafka-console-producer.sh")
	var lines [][]string
	for _, first := range words {
		lines = append(lines, []string{first})
	}
	for _, second := range strings.Fields("list create delete describe alter consume produce add-partitions trim-prefix analyze nonsense") {
		lines = append(lines, []string{"topic", second})
	}
	for _, second := range strings.Fields("list ls describe delete seek commit offset-delete lag") {
		lines = append(lines, []string{"group", second})
	}
	for _, line := range strings.Split("get topics,get consumer-groups,describe topic,describe broker,create topic,alter topic,delete records,"+
		"delete consumer-group-offset,clone topic,reset offset,clone consumer-group", ",") {
		lines = append(lines, strings.Fields(line))
	}
	for _, line := range lines {
		here := commandInstead(root, line)
		if here == "" {
			t.Errorf("%v: nothing is said", line)
			continue
		}
		if strings.HasPrefix(here, "- ") {
			continue
		}
		found, _, err := root.Find(strings.Fields(strings.NewReplacer(",", "").Replace(here)))
		if err != nil || found == root {
			t.Errorf("%v: %q is no command", line, here)
		}
	}
}
