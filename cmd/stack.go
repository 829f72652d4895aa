package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// openStack finds the local stack of the project that flags, environment or
// files name.
func (a *app) openStack(runtime string) (*cluster.Stack, error) {
	if err := a.settleProject(); err != nil {
		return nil, err
	}
	if a.print.takesEnv {
		if err := a.checkShell(); err != nil {
			return nil, err
		}
	}
	self, err := selfCommand()
	if err != nil {
		return nil, err
	}
	s, err := cluster.Open(cluster.Options{
		Project: a.flags.project, Runtime: runtime, Version: readVersion().String(), Self: self,
	})
	return s, a.explainStack(err)
}

// onlyLocal refuses flags that name another cluster: whoever gives them to a
// command of the local stack takes the one for the other.
func onlyLocal(cmd *cobra.Command) error {
	for _, flag := range []string{"bootstrap-server", "context", "command-config", "set"} {
		if typed(cmd, flag) {
			return withHint(usagef("%s is of the local stack; --%s is for another cluster", cmd.Name(), flag), "leave it out; --project names another local stack")
		}
	}
	return nil
}

// selfCommand is how this program starts its own background processes.
func selfCommand() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program's own file: %w", err)
	}
	return []string{exe, backgroundCommand}, nil
}

const backgroundCommand = "background"

// newBackgroundCommand is what the background processes of the embedded
// runtime run as.
func newBackgroundCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    backgroundCommand + " ROLE DIR",
		Short:  "Run a background process of the embedded runtime",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			self, err := selfCommand()
			if err != nil {
				return err
			}
			// A supervisor that is gone must not kill its broker by the
			// broker's next word: it has its files to write first.
			signal.Ignore(syscall.SIGPIPE)
			err = cluster.Background(cmd.Context(), args[0], args[1], self, a.in, a.out)
			a.errOut = io.Discard // the log has it
			return err
		},
	}
}

// explainStack adds the next step and the exit code to an error of pkg/cluster.
func (a *app) explainStack(err error) error {
	var port *cluster.PortError
	var advised *cluster.Advised
	var connect *kafka.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &advised):
		return withHint(withCode(err, stackCode(err)), "%s", advised.Advice)
	case errors.As(err, &port):
		return withHint(err, "end that process, or shift every port of this stack: %s", a.stackLine("start --port-offset 100"))
	case errors.Is(err, cluster.ErrInvalid):
		return &usageError{err: err}
	case errors.Is(err, cluster.ErrNotReady):
		return withHint(withCode(err, exitTimeout), "see its log with: %s; give it more time with --wait-timeout", a.stackLine("logs"))
	case errors.Is(err, cluster.ErrInUse):
		return withCode(err, exitBusy)
	case errors.Is(err, cluster.ErrConflict):
		return withCode(err, exitConflict)
	case errors.Is(err, cluster.ErrNotRunning):
		return withHint(withCode(err, exitUnreachable), "start it with: %s", a.stackLine("start"))
	case errors.Is(err, cluster.ErrNoEngine):
		return withCode(err, exitUnreachable)
	case errors.As(err, &connect) && connect.Hint != "":
		return withHint(err, "%s", connect.Hint)
	}
	return err
}

// stackCode is the exit code of an error that brings its own hint.
func stackCode(err error) int {
	switch {
	case errors.Is(err, cluster.ErrInvalid):
		return exitUsage
	case errors.Is(err, cluster.ErrNoEngine), errors.Is(err, cluster.ErrNotRunning):
		return exitUnreachable
	case errors.Is(err, cluster.ErrInUse):
		return exitBusy
	case errors.Is(err, cluster.ErrConflict):
		return exitConflict
	case errors.Is(err, cluster.ErrNotReady):
		return exitTimeout
	case errors.Is(err, kafka.ErrUnreachable):
		return exitUnreachable
	}
	return exitFailed
}

// stackLine is a command line for the project of this call.
func (a *app) stackLine(line string) string {
	if a.flags.project != "" && a.flags.project != cluster.DefaultProject {
		line += " --project " + a.flags.project
	}
	return "manage-kafka " + line
}

// showProgress says each step on stderr as it ends.
func (a *app) showProgress(e cluster.Event) {
	switch e.Stage {
	case cluster.StageDone:
		a.print.status("%s (%s)", e.Text, shortDuration(e.Took))
	case cluster.StageNote:
		a.print.status("%s", e.Text)
	case cluster.StageWarned:
		a.print.warn("%s", e.Text)
	}
}

// shortDuration rounds to what a reader needs.
func shortDuration(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// printStatus answers with the state of a stack.
func (a *app) printStatus(st cluster.Status) error {
	switch a.print.format {
	case formatEnv:
		return a.printEnv(st.Endpoints())
	case formatName:
		return printRows(a.print, st.Services, serviceColumns())
	}
	return printValue(a.print, st, func() error {
		if len(st.Services) == 0 {
			return nil
		}
		return printRows(a.print, st.Services, serviceColumns())
	})
}

func serviceColumns() []column[cluster.Service] {
	return []column[cluster.Service]{
		{head: "SERVICE", cell: func(s cluster.Service) string { return s.Name }},
		{head: "STATE", cell: func(s cluster.Service) string { return s.State }, style: serviceStyle},
		{head: "ENDPOINT", cell: func(s cluster.Service) string { return dash(s.Endpoint) }},
		{head: "FROM CONTAINERS", cell: func(s cluster.Service) string { return dash(s.ContainerEndpoint) }},
		{head: "PID", right: true, cell: func(s cluster.Service) string {
			if s.PID == 0 {
				return "-"
			}
			return fmt.Sprint(s.PID)
		}},
		{head: "SINCE", cell: func(s cluster.Service) string {
			if s.Since == nil {
				return "-"
			}
			return s.Since.Local().Format(time.RFC3339)
		}},
	}
}

func serviceStyle(s cluster.Service) (style, bool) {
	if s.State == cluster.StateRunning {
		return styleGood, true
	}
	return styleWarn, true
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// checkShell refuses a shell that -o env does not know.
func (a *app) checkShell() error {
	if a.shell != shellPosix && a.shell != shellPowerShell {
		return usagef("--shell %q: want sh or powershell", a.shell)
	}
	return nil
}

// printEnv answers with lines for a shell to evaluate.
func (a *app) printEnv(endpoints map[string]string) error {
	vars := []struct{ service, name, prefix string }{
		{cluster.ServiceKafka, "KAFKA_BROKERS", ""},
		{cluster.ServiceRegistry, "SCHEMA_REGISTRY_URL", "http://"},
	}
	var b strings.Builder
	for _, v := range vars {
		addr, ok := endpoints[v.service]
		if !ok {
			continue
		}
		if !strings.Contains(addr, "://") {
			addr = v.prefix + addr
		}
		if a.shell == shellPowerShell {
			fmt.Fprintf(&b, "$env:%s = '%s'\n", v.name, strings.ReplaceAll(addr, "'", "''"))
		} else {
			fmt.Fprintf(&b, "export %s=%s\n", v.name, posixWord(addr))
		}
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// The values of --shell.
const (
	shellPosix      = "sh"
	shellPowerShell = "powershell"
)

// stackOutputFlags gives a command that answers with a stack's status its -o
// and the shell that -o env writes for.
func (a *app) stackOutputFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&a.print.format, "output", "o", formatTable, "output `format`: table, json, yaml, name or env")
	f.StringVar(&a.shell, "shell", shellPosix, "`shell` that -o env writes for: sh or powershell")
	completeValues(cmd, "output", formatTable, formatJSON, formatYAML, formatName, formatEnv)
	completeValues(cmd, "shell", shellPosix, shellPowerShell)
}
