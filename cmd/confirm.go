package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// errDeclined is a question answered with no.
var errDeclined = errors.New("declined; nothing was changed")

// confirmDestructive says what goes and asks. --yes answers for the user;
// without a terminal to ask on it refuses.
func (a *app) confirmDestructive(what string) error {
	if a.flags.yes {
		a.print.status("%s", what)
		return nil
	}
	if !isTerminal(a.in) || !isTerminal(a.errOut) {
		return withHint(usagef("%s; not asking without a terminal", what), "repeat it with --yes")
	}
	fmt.Fprintf(a.errOut, "%s\ngo on? [y/N] ", terminal.Lines(what))
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
