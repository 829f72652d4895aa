package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// usageError is a wrong call: exit 2, with the help of the command as hint.
type usageError struct {
	err error
	cmd string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usageOf makes err a wrong call of cmd.
func usageOf(cmd *cobra.Command, err error) error {
	return &usageError{err: err, cmd: cmd.CommandPath()}
}

// usagef is a wrong call that needs no pointer to the help.
func usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// hintError carries the next step.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// withHint adds the reader's next move to err, shown below it as "hint: …".
func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintError{err: err, hint: fmt.Sprintf(format, args...)}
}

// codedError gives err an exit code of its own.
type codedError struct {
	err  error
	code int
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// withCode makes the process end with code when err is what it ends with.
func withCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return &codedError{err: err, code: code}
}

// quietError ends the process with a code when all was said on stdout already.
type quietError struct{ code int }

func (e *quietError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// wrapArgs makes the argument errors of every command wrong calls of it:
// cobra's own arrive untyped.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return wrongArgs(c, args, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// wrongArgs says what cobra says of arguments in words of a user's: that a
// command takes none is no unknown command, and a count names what is missing.
func wrongArgs(c *cobra.Command, args []string, err error) error {
	var coded *codedError
	text := err.Error()
	switch {
	case errors.As(err, &coded):
		return usageOf(c, err)
	case isUnknownCommand(err) && c.HasSubCommands():
		here := commandInstead(c, args)
		if sentence, ok := strings.CutPrefix(here, "- "); ok {
			return withHint(usageOf(c, err), "%s", sentence)
		}
		if here != "" {
			return withHint(usageOf(c, err), "here that is %s %s", c.Root().Name(), here)
		}
		c.SuggestionsMinimumDistance = 2
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return withHint(usageOf(c, err), "did you mean %s %s?", c.CommandPath(), strings.Join(near, " or "))
		}
	case isUnknownCommand(err):
		err = fmt.Errorf("%s takes no argument, got %q", c.Name(), args[0])
	case strings.HasPrefix(text, "accepts "), strings.HasPrefix(text, "requires "):
		got := plural(int64(len(args)), "argument")
		if len(args) == 0 {
			got = "none"
		}
		err = fmt.Errorf("want: %s; got %s", strings.TrimSuffix(c.UseLine(), " [flags]"), got)
	}
	return usageOf(c, err)
}

// readerGone tells whether err says that nobody reads the output any more. A
// connection or another process's pipe breaks with the same words.
func (a *app) readerGone(err error) bool {
	var conn *net.OpError
	var file *os.PathError
	switch {
	case !errors.Is(err, syscall.EPIPE), errors.Is(err, kafka.ErrUnreachable), errors.As(err, &conn):
		return false
	case errors.As(err, &file):
		out, ok := a.out.(*os.File)
		return ok && file.Path == out.Name()
	}
	return true
}

// report shows err once on stderr and returns the exit code for it.
func (a *app) report(ctx context.Context, err error) int {
	if err == nil || a.readerGone(err) {
		return exitDone
	}
	var quiet *quietError
	if errors.As(err, &quiet) {
		return quiet.code
	}
	code := exitCode(ctx, err)
	text, hint := err.Error(), hintOf(err)
	if code == exitInterrupted && errors.Is(err, context.Canceled) {
		text = strings.NewReplacer(context.Canceled.Error(), "interrupted", context.Cause(ctx).Error(), "interrupted").Replace(text)
	}
	if code == exitTimeout && errors.Is(err, context.DeadlineExceeded) && a.flags.timeout > 0 {
		text = strings.ReplaceAll(text, "context deadline exceeded", fmt.Sprintf("not done in %s (--timeout)", a.flags.timeout))
	}
	if a.print.format == formatJSON {
		body, jsonErr := json.Marshal(struct {
			Error string `json:"error"`
			Hint  string `json:"hint,omitempty"`
			Code  int    `json:"code"`
		}{text, hint, code})
		if jsonErr == nil {
			fmt.Fprintf(a.errOut, "%s\n", body)
			return code
		}
	}
	fmt.Fprintf(a.errOut, "%s %s\n", a.print.paint(styleError, "error:"), terminal.Lines(text))
	if hint != "" {
		fmt.Fprintf(a.errOut, "%s %s\n", a.print.paint(styleHint, "hint:"), terminal.Lines(hint))
	}
	return code
}

func hintOf(err error) string {
	var h *hintError
	if errors.As(err, &h) {
		return h.hint
	}
	var u *usageError
	if errors.As(err, &u) && u.cmd != "" {
		return "run: " + u.cmd + " --help"
	}
	if isUnknownCommand(err) {
		return "run: manage-kafka --help"
	}
	return ""
}

// isUnknownCommand tells cobra's own error for a command that does not exist,
// which has no type.
func isUnknownCommand(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command ")
}

// exitCode maps what went wrong to the table of exit codes.
func exitCode(ctx context.Context, err error) int {
	var coded *codedError
	var usage *usageError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted // also while an input file was read
	case errors.As(err, &usage) && !errors.Is(err, context.DeadlineExceeded), isUnknownCommand(err), errors.Is(err, kafka.ErrConfig):
		return exitUsage
	case errors.Is(err, kafka.ErrNotPermitted):
		return exitNotPermitted
	case errors.Is(err, kafka.ErrClusterMismatch):
		return exitConflict
	case errors.Is(err, kafka.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitFailed
}
