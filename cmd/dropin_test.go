package cmd

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func testRoot() *app { return newApp(strings.NewReader(""), io.Discard, io.Discard) }

func TestScriptArgs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		// The command lines of the document that describes manage-kafka.ps1.
		"start":                   "start",
		"stop":                    "stop",
		"status":                  "status",
		"logs":                    "logs",
		"logs -ServiceName kafka": "logs kafka",
		"create-topic -TopicName my-topic -Partitions 3 -ReplicationFactor 1": "create-topic my-topic --partitions=3 --replication-factor=1",
		"list-topics":                       "list-topics",
		"producer -TopicName my-topic":      "producer my-topic",
		"consumer -TopicName my-topic":      "consumer my-topic",
		"LIST-Topics":                       "list-topics",
		"Create-Topic -topicname:My.T":      "create-topic My.T",
		"create-topic -TOPICNAME: t":        "create-topic t",
		"create-topic -Partitions:3 t":      "create-topic --partitions=3 t",
		"-TopicName t Create-Topic":         "create-topic t",
		"-b h:1 List-Topics -o NAME":        "-b h:1 list-topics -o NAME",
		"-qb h:1 List-Topics":               "-qb h:1 list-topics",
		"--brokers LIST-TOPICS list-topics": "--brokers LIST-TOPICS list-topics",
		"create-topic -TopicName -x":        "create-topic -- -x",
		"create-topic -TopicName -x -- y":   "create-topic -- -x y",
		"create-topic -Partitions -1 t":     "create-topic --partitions=-1 t",
		// Not the script's parameter: after --, another flag's value, two dashes, more than the name.
		"create-topic -- -TopicName t":            "create-topic -- -TopicName t",
		"create-topic t -c -TopicName":            "create-topic t -c -TopicName",
		"create-topic t --config -Partitions 3":   "create-topic t --config -Partitions 3",
		"create-topic t --config=a -Partitions 3": "create-topic t --config=a --partitions=3",
		"create-topic t -ca -Partitions 3":        "create-topic t -ca --partitions=3",
		"create-topic t -qc -Partitions 3":        "create-topic t -qc -Partitions 3",
		"create-topic --TopicName t":              "create-topic --TopicName t",
		"create-topic -TopicNames t":              "create-topic -TopicNames t",
		"create-topic -Topic t":                   "create-topic -Topic t",
		"create-topic CREATE-TOPIC List-Topics":   "create-topic CREATE-TOPIC List-Topics",
		"Nothing -x":                              "Nothing -x",
		"__complete create-topic -TopicName":      "__complete create-topic -TopicName",
		"":                                        "",
	} {
		a := testRoot()
		got, err := scriptArgs(newRootCommand(a), strings.Fields(line))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, error %v, want %q", line, strings.Join(got, " "), err, want)
		}
	}
	for _, line := range []string{"create-topic -TopicName", "create-topic -TopicName -Partitions 3", "producer -TopicName: ", "create-topic -Partitions -- 3"} {
		got, err := scriptArgs(newRootCommand(testRoot()), strings.Fields(line))
		if err == nil || !strings.HasSuffix(err.Error(), ": needs a value") {
			t.Errorf("%q: %q, error %v", line, got, err)
		}
	}
}

// FuzzScriptArgs checks that nothing is lost or made up: a line without the
// script's parameters comes back as it is but for the case of command words,
// what follows "--" always does, and rewriting twice changes nothing more.
func FuzzScriptArgs(f *testing.F) {
	f.Add("create-topic\x00-TopicName\x00t")
	f.Add("-b\x00-TopicName\x00producer\x00--\x00-TopicName")
	f.Add("LIST-TOPICS\x00-\x00--\x00")
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		root := newRootCommand(testRoot())
		got, err := scriptArgs(root, slices.Clone(args))
		if err != nil {
			return
		}
		if !slices.ContainsFunc(args, isParameter) && !strings.EqualFold(strings.Join(got, "\x00"), joined) {
			t.Fatalf("%q became %q", args, got)
		}
		if i := slices.Index(args, "--"); i >= 0 && !slices.ContainsFunc(args[:i], isParameter) && !takesValue(root, args[max(i-1, 0)]) {
			if j := slices.Index(got, "--"); j < 0 || !slices.Equal(got[j:], args[i:]) {
				t.Fatalf("%q lost what follows --: %q", args, got)
			}
		}
	})
}
