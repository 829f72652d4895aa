package cmd

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

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
	shell  string // whose form -o env takes
}

func newApp(in io.Reader, out, errOut io.Writer) *app {
	a := &app{in: in, out: out, errOut: errOut}
	a.print = &printer{out: out, errOut: errOut}
	return a
}

// prepare runs before each command, once its flags are parsed.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := a.flags.fromEnvironment(cmd); err != nil {
		return err
	}
	a.print.takesEnv = cmd.Flags().Lookup("shell") != nil
	return a.print.configure(a.flags, isTerminal(a.out), isTerminal(a.errOut))
}

// open connects to the cluster that flags, environment and files name, for
// reading. The caller closes the client.
func (a *app) open(ctx context.Context) (*kafka.Client, error) {
	t, err := a.resolve()
	if err != nil {
		return nil, err
	}
	a.target = t
	t.config.Notice = a.print.status1
	c, err := kafka.Open(ctx, t.config)
	if err != nil {
		return nil, a.explainConnect(err)
	}
	return c, nil
}

// openForChange is open for a command that changes the cluster: it refuses
// where the context forbids changes, and says on stderr what it works on.
func (a *app) openForChange(ctx context.Context) (*kafka.Client, error) {
	c, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.guardChange(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// isTerminal tells whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
