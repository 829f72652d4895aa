package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

// wrongFlags explains a command line whose flags cannot be read: a command of
// another tool, a flag of another tool, or a slip of the pen.
func wrongFlags(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return wrongArgs(cmd, words, fmt.Errorf("unknown command %q for %q", words[0], cmd.CommandPath()))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageOf(cmd, err)
	}
	name := "--" + unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		name = name[1:]
	}
	if here := hereInstead(cmd, name); here != "" {
		return withHint(usageOf(cmd, err), "%s", here)
	}
	var long []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			long = append(long, "--"+f.Name)
		}
	})
	if near := spelling.Nearest(name, long); strings.HasPrefix(name, "--") && len(near) > 0 {
		return withHint(usageOf(cmd, err), "did you mean %s?", strings.Join(near, " or "))
	}
	return usageOf(cmd, err)
}

// hereInstead says what a flag of kcat, kcl, rpk, kaf, kafkactl or of Kafka's own
// tools is here, and nothing for one that none of them has.
func hereInstead(cmd *cobra.Command, flag string) string {
	path := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if flag == "--replication-factor" || flag == "--replicas" && path == "alter-topic" {
		return "replicas are not moved from here; Kafka's kafka-reassign-partitions.sh does it"
	}
	meant := map[string]map[string]string{
		"consumer": consumerFlagsElsewhere(), "producer": producerFlagsElsewhere(),
		"groups list": groupFlagsElsewhere(), "groups describe": groupFlagsElsewhere(), "groups delete": groupFlagsElsewhere(),
		"groups reset": resetFlagsElsewhere(),
		"create-topic": topicFlagsElsewhere(), "list-topics": topicFlagsElsewhere(), "describe-topic": topicFlagsElsewhere(),
		"alter-topic": topicFlagsElsewhere(), "delete-topic": topicFlagsElsewhere(), "delete-records": topicFlagsElsewhere(),
		cmd.Root().Name(): rootFlagsElsewhere(),
	}[path][flag]
	if meant == "" {
		meant = flagsElsewhere()[flag]
	}
	use := strings.TrimSuffix(cmd.UseLine(), " [flags]")
	switch {
	case meant == asArgument && cmd.Flags().Lookup(strings.TrimLeft(flag, "-")) == nil:
		return "it needs no flag: " + use
	case meant == asIs:
		return "leave it out, it is so without"
	case strings.HasPrefix(meant, "- "):
		return meant[2:]
	case meant != "":
		return "here that is " + meant
	}
	return ""
}

// What stands in the tables beside flags and, after "- ", whole sentences.
const (
	asArgument = "argument" // the command's own argument
	asIs       = "as is"    // what it asks for is so in any case
)

// offsetInstead says what -o of another tool is here, where it cannot be read.
func offsetInstead(text string, err error) error {
	t, isEnd := strings.CutPrefix(text, "e@")
	switch from, isStart := strings.CutPrefix(text, "s@"); {
	case text == "json" || text == "jsonl" || text == "json-raw" || text == "yaml" || text == "table" || text == "raw" || text == "hex":
		return withHint(err, "-o is where to read; a format is -f %s", strings.NewReplacer("yaml", "json", "json-raw", "jsonl").Replace(text))
	case text == "stored":
		return withHint(err, "a group's offsets are read with --group GROUP")
	case isStart:
		return withHint(err, "here that is -o @%s", from)
	case isEnd:
		return withHint(err, "here that is -o @T1:%s, or --to %s", t, t)
	}
	return err
}

func flagsElsewhere() map[string]string {
	return map[string]string{
		"--zookeeper": "--bootstrap-server: clients speak to brokers", "--broker-list": "--bootstrap-server", "-B": "-b, --bootstrap-server",
		"--consumer.config": "--command-config", "--producer.config": "--command-config", "--admin.config": "--command-config",
		"-F": "--command-config", "-m": "--timeout", "--consumer-property": "-X", "--producer-property": "-X", "--command-property": "-X",
	}
}

func rootFlagsElsewhere() map[string]string {
	return map[string]string{
		"-L": "manage-kafka list-topics, and manage-kafka status for the brokers", "--list": "manage-kafka list-topics",
		"-P": "manage-kafka producer TOPIC", "-G": "manage-kafka consumer TOPIC --group GROUP", "-t": "manage-kafka consumer TOPIC",
		"-Q":         "manage-kafka consumer TOPIC -p 0 -o @TIME -n 1 -f '%o\\n'",
		"--describe": "manage-kafka describe-topic TOPIC, or groups describe GROUP", "--create": "manage-kafka create-topic TOPIC",
		"--topic": "manage-kafka consumer TOPIC, or describe-topic TOPIC", "--version": "manage-kafka version", "-V": "manage-kafka version",
	}
}

func consumerFlagsElsewhere() map[string]string {
	return map[string]string{
		"-t": asArgument, "--topic": asArgument, "--topics": asArgument,
		"-J": "-f jsonl", "--json": "-f jsonl", "--pretty-print": "-f json", "--output": "-f", "--formatter": "-f",
		"-c": "-n", "-l": "-n", "--limit-messages": "-n", "--count": "-n",
		"-K": "--print-key --key-separator", "-Z": "--null", "-u": asIs, "-F": "--command-config, for settings; it follows without a flag",
		"-s":                    "--decode key,value for Avro, and %v{unpack[...]} in a format for plain numbers",
		"--use-schema-registry": "--decode key,value, and --schema-registry where no variable names it", "--follow": asIs, "--include": "--regex", "--whitelist": "--regex",
		"--timeout-ms":     "--idle-timeout, as in --idle-timeout 5s",
		"--from-timestamp": "--from", "--to-timestamp": "--to", "--key": "--filter-key", "--header": "--filter-header",
		"--property": "--print-key, --print-timestamp and the like, and --key-separator", "--formatter-property": "--print-key, --print-timestamp and the like, and --key-separator",
		"--meta-only": "a format without %v, as in -f '%p/%o %k\\n'", "--output-format": "-f",
		"--key-deserializer": "%k{unpack[...]} in a format", "--value-deserializer": "%v{unpack[...]} in a format",
		"-Q": "-p 0 -o @TIME -n 1 -f '%o\\n': the first offset at or after a time",
	}
}

func producerFlagsElsewhere() map[string]string {
	const input = "- the value is read: echo VALUE | manage-kafka producer TOPIC"
	const parsed = "-K ':' for keys, and a format for headers: -f '%H{1}%h{%k:%v\\t}%k\\t%v\\n'"
	return map[string]string{
		"-t": asArgument, "--topic": asArgument, "--topics": asArgument,
		"-l": "--file", "--input-file": "--file", "-J": "-f jsonl", "--json": "-f jsonl", "--input-format": "-f", "--input-mode": "-f",
		"--value": input, "-V": input, "--null-value": "-Z and an empty line: echo | manage-kafka producer TOPIC -k KEY -Z", "--tombstone": "-Z",
		"--separator": "-K", "--property": parsed, "--reader-property": parsed, "--line-reader": "-f",
		"--compression-codec": "-z", "--compression": "-z", "--compression-type": "-z", "--request-required-acks": "--acks", "--required-acks": "--acks",
		"--sync": asIs, "--batch-size": asIs, "--max-partition-memory-bytes": asIs, "--message-send-max-retries": "--delivery-timeout",
		"--timestamp": "-f jsonl with the member timestamp, and --keep-timestamp", "-n": "--count, with --template", "--num": "--count, with --template",
		"-T": "tee: ... | tee /dev/stderr | manage-kafka producer TOPIC", "--allow-auto-topic-creation": "a command before: manage-kafka create-topic TOPIC --if-not-exists",
		"--schema-key-id": "--key-schema", "--key-schema-version": "--key-schema", "--value-schema-version": "--schema-id", "--throughput": "--rate",
	}
}

func topicFlagsElsewhere() map[string]string {
	const byFile = "- topics that a file declares are made by: manage-kafka apply -f FILE"
	const unhealthy = "- run: manage-kafka list-topics; replicas that are behind and partitions without a leader are warned of"
	return map[string]string{
		"-t": asArgument, "--topic": asArgument, "--entity-name": asArgument,
		"--add-config": "-c", "--set": "-c", "-s": "-c", "--configs": "-c", "--num": "--partitions, the number that there shall be", "-n": "--partitions, the number that there shall be",
		"--replicas": "--replication-factor", "--dry": "--dry-run", "--no-confirm": "--yes", "--force": "--yes",
		"-f": byFile, "--file": byFile,
		"--exclude-internal": asIs, "--list": asIs, "--detailed": "--full", "-i": "--internal", "--regex": "a pattern, as in 'orders*'", "-r": "a pattern, as in 'orders*'",
		"--under-replicated-partitions": unhealthy, "--unavailable-partitions": unhealthy, "--under-min-isr-partitions": unhealthy, "--at-min-isr-partitions": unhealthy,
		"--topics-with-overrides": "describe-topic, which shows the settings that differ", "--all": "--all-config",
		"--print-configs": asIs, "--print-partitions": asIs, "--print-all": asIs, "--stable": asIs,
		"--offset": "--before", "--offset-json-file": "--before N -p PARTITION, once for each",
	}
}

func groupFlagsElsewhere() map[string]string {
	return map[string]string{
		"--group": asArgument, "-g": asArgument, "--all-groups": "a pattern: '*'", "--state": asIs, "--members": asIs, "--offsets": asIs, "--verbose": asIs,
		"--delete-offsets": "groups reset GROUP --topic TOPIC --to none", "--print-lag": asIs, "--lag-filter": "-o json, and jq", "--topics": "-o json, and jq",
	}
}

func resetFlagsElsewhere() map[string]string {
	return map[string]string{
		"--group": asArgument, "-g": asArgument, "--to-earliest": "--to start", "--to-latest": "--to end", "--oldest": "--to start", "--newest": "--to end",
		"--to-offset": "--to N", "--offset": "--to N", "-o": "--to N", "--shift-by": "--to +N or --to -N", "--to-datetime": "--to @TIME, as in --to @2026-11-23T09:00",
		"--by-duration": "--to @-1h", "--to-timestamp": "--to @TIME", "--from-file": "--to file:PATH", "--to-file": "--to file:PATH", "--to-group": "--to group:NAME",
		"--all-topics": asIs, "--topics": "--topic", "--dry-run": asIs, "--dry": asIs, "--reset-offsets": asIs, "--export": "-o json", "--to-current": asIs,
		"--allow-new-topics": "--topic", "--all-groups": "once for each group: manage-kafka groups list -o name lists them",
	}
}
