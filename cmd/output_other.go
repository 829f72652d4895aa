//go:build !unix

package cmd

import (
	"context"
	"io"
)

// watchOutput does nothing where a pipe tells of a reader that went away only
// when it is written to.
func watchOutput(context.Context, io.Writer, func()) (stop func()) { return func() {} }
