package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// contextsHere is a whole sentence, as after "- " in the tables of flags.
const contextsHere = "- contexts stand in manage-kafka.yaml or your own config.yaml; --context NAME takes one, MANAGE_KAFKA_CONTEXT=NAME for a whole session"

// commandInstead gives the command here for words that are commands of kcl, rpk,
// kaf, kafkactl or of Kafka's own tools, and "" for others.
func commandInstead(cmd *cobra.Command, words []string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
	switch {
	case path == "" && len(words) > 0:
		return rootCommandInstead(words)
	case path == "groups" && len(words) > 0:
		return groupCommandInstead(words[0])
	}
	return ""
}

func rootCommandInstead(words []string) string {
	first, second := strings.TrimSuffix(words[0], ".sh"), ""
	if len(words) > 1 {
		second = words[1]
	}
	switch first {
	case "topic", "topics", "kafka-topics":
		return topicCommandInstead(second)
	case "group", "g", "consumer-group", "consumer-groups", "kafka-consumer-groups":
		if second == "" {
			return "groups list"
		}
		if here := groupCommandInstead(second); here != "" {
			return here
		}
		return "groups " + second
	case "get", "describe", "delete", "create", "alter", "clone", "reset":
		return kafkactlInstead(first, second)
	case "cluster", "broker", "brokers", "node", "nodes", "metadata", "info", "kafka-broker-api-versions", "kafka-metadata-quorum":
		return "status"
	case "context", "contexts", "profile":
		return contextsHere
	case "config", "configs", "kafka-configs":
		if strings.Contains(second, "context") || strings.Contains(second, "cluster") || second == "view" || second == "ls" {
			return contextsHere
		}
		return "describe-topic TOPIC --all-config, alter-topic and describe-broker"
	case "kafka-console-consumer", "tail", "cat", "read", "query":
		return "consumer"
	case "kafka-console-producer", "send", "write", "kafka-producer-perf-test":
		return "producer"
	case "kafka-get-offsets", "GetOffsetShell":
		return "describe-topic"
	case "kafka-delete-records":
		return "delete-records"
	case "kafka-transactions", "transactions", "transaction":
		return "txn"
	case "fake":
		return "start --runtime embedded"
	case "container":
		return "start --runtime docker"
	case "list", "ls":
		return "list-topics or groups list"
	}
	return ""
}

func topicCommandInstead(word string) string {
	switch word {
	case "", "list", "ls":
		return "list-topics"
	case "create", "delete", "describe", "alter":
		return word + "-topic"
	case "consume":
		return "consumer"
	case "produce":
		return "producer"
	case "add-partitions", "alter-config", "set-config", "add-config", "rm-config", "update":
		return "alter-topic"
	case "trim-prefix":
		return "delete-records"
	case "describe-storage", "lag", "analyze":
		return "describe-topic"
	}
	return "list-topics, create-topic, describe-topic, alter-topic or delete-topic"
}

func groupCommandInstead(word string) string {
	switch word {
	case "ls":
		return "groups list"
	case "seek", "commit", "reset-offset", "reset-offsets":
		return "groups reset"
	case "offset-delete", "delete-offsets":
		return "groups reset GROUP --topic TOPIC --to none"
	case "lag", "members", "show":
		return "groups describe"
	}
	return ""
}

// kafkactlInstead is for a verb that stands before what it is about.
func kafkactlInstead(verb, what string) string {
	what = strings.TrimSuffix(what, "s")
	switch {
	case verb == "get" && what == "topic":
		return "list-topics"
	case verb == "get" && what == "consumer-group":
		return "groups list"
	case what == "topic" && verb == "clone":
		return "create-topic NAME --like TOPIC"
	case what == "topic" && verb != "reset":
		return verb + "-topic"
	case verb == "describe" && what == "consumer-group", verb == "delete" && what == "consumer-group":
		return "groups " + verb
	case verb == "delete" && what == "consumer-group-offset":
		return "groups reset GROUP --topic TOPIC --to none"
	case verb == "delete" && what == "record":
		return "delete-records"
	case (verb == "reset" || verb == "clone") && (what == "offset" || what == "consumer-group" || what == "consumer-group-offset"):
		return "groups reset"
	case what == "broker" && verb == "describe":
		return "describe-broker"
	case what == "broker" && verb != "alter":
		return "status"
	}
	return ""
}
