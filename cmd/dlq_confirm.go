package cmd

import (
	"context"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

// confirmCount has the number of letters typed: a habit of answering yes does
// not send ten thousand of them.
func (a *app) confirmCount(ctx context.Context, what string, n int64) error {
	line, err := a.ask(ctx, terminal.Lines(what)+"\ntype the number of letters to go on: ")
	if err != nil {
		return err
	}
	if strings.ReplaceAll(line, ",", "") != strconv.FormatInt(n, 10) {
		return errDeclined
	}
	return nil
}
