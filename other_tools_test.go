package main

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestOtherToolsPage runs every command in the right column of docs/other-tools.md, in
// order and on one stack, as somebody who says yes to every question; what follows a
// topic ends once nothing has come for a while.
func TestOtherToolsPage(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the lines are for a POSIX shell")
	}
	const page = "docs/other-tools.md"
	shell := newPageShell(t, page, "embedded")
	shell.env = append(shell.env, "MANAGE_KAFKA_YES=true", "XDG_STATE_HOME="+shell.home)
	t.Cleanup(func() { shell.run("manage-kafka stop -q --volumes") })
	for _, block := range pageBlocks(t, page, 1) {
		for _, command := range block.lines {
			shell.mustRun(t, command)
		}
	}
	for line := range strings.Lines(shell.mustRun(t, "manage-kafka status -q -o env")) {
		shell.env = append(shell.env, strings.TrimPrefix(strings.TrimSpace(line), "export "))
	}
	shell.mustRun(t, "echo metadata.broker.list=$KAFKA_BROKERS > $HOME/kcat.conf")
	framedTopic(t, shell)

	commands := pageCommands(t, page)
	if len(commands) < 90 {
		t.Errorf("only %d commands", len(commands))
	}
	follows := regexp.MustCompile(`^manage-kafka consumer`)
	ends := regexp.MustCompile(` (-e|-n|--exit|--tail|--max-messages|--idle-timeout) | -o \S*:| (-e|--exit)$`)
	reads := regexp.MustCompile(`^manage-kafka (list-topics|describe-topic|status|groups (list|describe))\b`)
	seen := map[string]bool{}
	for _, command := range commands {
		if seen[command] && reads.MatchString(command) {
			continue
		}
		seen[command] = true
		run := exec.CommandContext(t.Context(), "sh", "-c", command)
		run.Dir, run.Env = shell.home, shell.env
		if follows.MatchString(command) && !ends.MatchString(command) {
			run.Env = append(run.Env[:len(run.Env):len(run.Env)], "MANAGE_KAFKA_IDLE_TIMEOUT=300ms")
		}
		out, err := run.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// pageCommands are the commands in the right columns of a page's tables.
func pageCommands(t *testing.T, page string) []string {
	t.Helper()
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	var commands []string
	for line := range strings.Lines(string(body)) {
		_, here, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), " |"), " | ")
		if !ok || !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, match := range code.FindAllStringSubmatch(here, -1) {
			if strings.Contains(match[1], "manage-kafka") {
				commands = append(commands, strings.ReplaceAll(match[1], `\|`, "|"))
			}
		}
	}
	return commands
}

// framedTopic makes the topic whose keys and values have a schema in front.
func framedTopic(t *testing.T, shell pageShell) {
	t.Helper()
	registry := ""
	for _, variable := range shell.env {
		if url, ok := strings.CutPrefix(variable, "SCHEMA_REGISTRY_URL="); ok {
			registry = url
		}
	}
	for subject, schema := range map[string]string{
		"clicks-key":   `{"schema":"\"string\""}`,
		"clicks-value": `{"schema":"{\"type\":\"record\",\"name\":\"Click\",\"fields\":[{\"name\":\"page\",\"type\":\"string\"}]}"}`,
	} {
		res, err := http.Post(registry+"/subjects/"+subject+"/versions", "application/json", strings.NewReader(schema))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("registering %s: %s", subject, res.Status)
		}
	}
	shell.mustRun(t, `manage-kafka create-topic -q clicks -p 1`)
	shell.mustRun(t, `echo '"k1"={"page":"/"}' | manage-kafka producer -q clicks -K = --key-schema clicks-key --schema clicks-value`)
}
