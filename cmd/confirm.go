package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// errDeclined is a question answered with no.
var errDeclined = errors.New("declined; nothing was changed")

// confirmDestructive says what goes and asks. --yes answers for the user;
// without a terminal to ask on it refuses, and Ctrl-C ends the asking.
func (a *app) confirmDestructive(ctx context.Context, what string) error {
	if a.flags.yes {
		a.print.status("%s", what)
		return nil
	}
	if !isTerminal(a.in) || !isTerminal(a.errOut) {
		return withHint(usagef("%s; not asking without a terminal", what), "repeat it with --yes")
	}
	line, err := a.ask(ctx, terminal.Lines(what)+"\ngo on? [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(line) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// ask shows a question on the terminal and gives the line that is typed, without
// the space around it.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.errOut, question)
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal cannot be interrupted. Where the wait for it
	// ends early the process ends too, and this goroutine with it.
	go func() {
		line, err := bufio.NewReader(io.LimitReader(a.in, 1<<10)).ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", got.err
		}
		return strings.TrimSpace(got.line), nil
	case <-ctx.Done():
		fmt.Fprintln(a.errOut)
		return "", ctx.Err()
	}
}
