package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// ask puts a question before something that cannot be undone: what is the
// sentence that says what goes. --yes answers it; without a terminal to ask on
// it is a wrong call, and anything but yes ends the command with nothing done.
func (a *app) ask(ctx context.Context, what string) error {
	if a.flags.yes {
		return nil
	}
	if !isTerminal(a.in) || !isTerminal(a.errOut) {
		return withHint(usagef("%s: needs a confirmation, and there is no terminal to ask on", what), "add --yes to go ahead")
	}
	fmt.Fprintf(a.errOut, "%s. Go ahead? [y/N] ", terminal.Lines(what))
	answer := make(chan string, 1)
	// A read from a terminal cannot be interrupted. Where Ctrl-C ends the wait
	// the process ends too, and this goroutine with it.
	go func() {
		line, err := bufio.NewReader(io.LimitReader(a.in, 1<<10)).ReadString('\n')
		if err != nil {
			fmt.Fprintln(a.errOut)
		}
		answer <- line
	}()
	select {
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return fmt.Errorf("nothing done: not confirmed")
	case <-ctx.Done():
		fmt.Fprintln(a.errOut)
		return ctx.Err()
	}
}
