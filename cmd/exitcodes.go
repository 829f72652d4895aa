package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes, the same for every command.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitUnreachable  = 3
	exitTimeout      = 4
	exitPartly       = 5
	exitBusy         = 6
	exitConflict     = 7
	exitNoMatch      = 8
	exitNotPermitted = 9
	exitInterrupted  = 130
)

// exitCodeTexts is the table of "help exit-codes" and the man pages, in order.
func exitCodeTexts() []string {
	rows := []struct {
		code int
		text string
	}{
		{exitDone, "done"},
		{exitFailed, "failed; \"error:\" on stderr says what, \"hint:\" what next"},
		{exitUsage, "wrong call: flag, argument, invalid input file"},
		{exitUnreachable, "cluster or stack not running or not reachable"},
		{exitTimeout, "not ready or timed out"},
		{exitPartly, "partly done: some items left or rejected; running it again is safe"},
		{exitBusy, "busy: another run holds it, or took it over"},
		{exitConflict, "conflict: identity, ledger or version mismatch; refused rather than risk a duplicate or a loss"},
		{exitNoMatch, "nothing matched"},
		{exitNotPermitted, "not permitted: authentication, ACL or a read-only context"},
		{exitInterrupted, "interrupted; what was acknowledged stays, and the message says how much"},
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = fmt.Sprintf("%3d  %s", r.code, r.text)
	}
	return lines
}

// newExitCodesTopic is shown by "help exit-codes". It has no Run, so cobra
// lists it as a help topic.
func newExitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "Exit codes of every command",
		Long: "Exit codes, the same for every command:\n\n" + strings.Join(exitCodeTexts(), "\n") +
			"\n\nOnly dlq check differs: it is a monitoring plugin, whose codes are 0 OK, 1 WARNING,\n2 CRITICAL and 3 UNKNOWN.",
	}
}
