package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// confirmCount has the number of letters typed: a habit of answering yes does
// not send ten thousand of them.
func (a *app) confirmCount(ctx context.Context, what string, n int64) error {
	fmt.Fprintf(a.errOut, "%s\ntype the number of letters to go on: ", terminal.Lines(what))
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal cannot be interrupted; it ends with the process.
	go func() {
		line, err := bufio.NewReader(io.LimitReader(a.in, 1<<10)).ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return got.err
		}
		if strings.ReplaceAll(strings.TrimSpace(got.line), ",", "") == strconv.FormatInt(n, 10) {
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		fmt.Fprintln(a.errOut)
		return ctx.Err()
	}
}
