package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/multi-tenant/manage-kafka/internal/collector"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// app is what every command works with. It is built once, in Main.
type app struct {
	in     io.Reader
	out    io.Writer // the answer
	errOut io.Writer // the talk
	flags  globalFlags
	print  *printer
	target target
	end    context.CancelFunc // of --timeout, nil without
	shell  string             // whose form -o env takes
	heap   *collector.Hold    // nil in tests

	editing    atomic.Bool // an editor has the terminal, and Ctrl-C with it
	ledgerFlag string      // --ledger of the dlq commands
}

func newApp(in io.Reader, out, errOut io.Writer) *app {
	a := &app{in: in, out: out, errOut: errOut}
	a.print = &printer{out: out, errOut: errOut}
	return a
}

// prepare runs before each command, once its flags are parsed.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := checkMeant(cmd); err != nil {
		return err
	}
	if err := a.flags.fromEnvironment(cmd); err != nil {
		return err
	}
	if a.flags.timeout < 0 {
		return usageOf(cmd, fmt.Errorf("--timeout %s: want a duration above 0", a.flags.timeout))
	}
	if a.flags.timeout > 0 {
		ctx, cancel := context.WithTimeout(cmd.Context(), a.flags.timeout)
		a.end = cancel
		cmd.SetContext(ctx)
	}
	a.print.takesEnv = cmd.Flags().Lookup("shell") != nil
	outTTY, errTTY := isTerminal(a.out), isTerminal(a.errOut)
	for _, stream := range []any{a.out, a.errOut} {
		if f, ok := stream.(*os.File); ok && (outTTY || errTTY) {
			lipgloss.EnableLegacyWindowsANSI(f) // elsewhere terminals know colours by themselves
		}
	}
	if err := a.print.configure(a.flags, outTTY, errTTY); err != nil {
		return err
	}
	a.warnOfVariables(cmd, os.Environ())
	return nil
}

// open connects to the cluster that flags, environment and files name, for
// reading. The caller closes the client.
func (a *app) open(ctx context.Context) (*kafka.Client, error) {
	if err := a.aim(); err != nil {
		return nil, err
	}
	return a.connect(ctx)
}

// openForChange is open for a command that changes the cluster: it refuses
// where the context forbids changes, and says on stderr what it works on.
func (a *app) openForChange(ctx context.Context) (*kafka.Client, error) {
	if err := a.aim(); err != nil {
		return nil, err
	}
	if err := a.guardBefore(); err != nil {
		return nil, err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.guardChange(ctx, c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// aim finds the cluster that is meant.
func (a *app) aim() error {
	t, err := a.resolve()
	if err != nil {
		return err
	}
	a.target = t
	return nil
}

func (a *app) connect(ctx context.Context) (*kafka.Client, error) {
	conf := a.target.config
	conf.Notice, conf.Warn = a.print.status1, a.warnText
	c, err := kafka.Open(ctx, conf)
	if err != nil {
		return nil, a.explainConnect(err)
	}
	return c, nil
}

// isTerminal tells whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
