package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/events/export"
)

type exportOptions struct {
	format  string
	out     string
	options export.Options
}

func newEventsExportCommand(a *app) *cobra.Command {
	var o exportOptions
	var formats []string
	for _, f := range export.Formats() {
		formats = append(formats, string(f))
	}
	cmd := &cobra.Command{
		Use:   "export --format FORMAT",
		Short: "Write the contract for other languages and tools",
		Long: `Write the contract of all event types, your own too, as a bundle of JSON Schemas, an AsyncAPI 3.0 document,
TypeScript or Go types, or Markdown. The same contract always gives the same bytes.`,
		Example: `  manage-kafka events export --format typescript --out events.ts
  manage-kafka events export --format asyncapi --contract-version 2.1.0 > asyncapi.json
  manage-kafka events export --format go --package payload`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runEventsExport(a, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "one of "+strings.Join(formats, ", "))
	f.StringVar(&o.out, "out", "", "`file` to write, in place of standard output")
	f.StringVar(&o.options.Package, "package", "", "`name` of the Go package (default payload)")
	f.StringVar(&o.options.Version, "contract-version", "", "`version` of the contract in AsyncAPI (default 1.0.0)")
	completeValues(cmd, "format", formats...)
	return cmd
}

func runEventsExport(a *app, o exportOptions) error {
	format := export.Format(o.format)
	known := false
	var names []string
	for _, f := range export.Formats() {
		known = known || f == format
		names = append(names, string(f))
	}
	switch {
	case o.format == "":
		return usagef("--format is missing: want %s", strings.Join(names, ", "))
	case !known:
		return usagef("--format %q: want %s", o.format, strings.Join(names, ", "))
	case o.options.Package != "" && format != export.Go:
		return usagef("--package is for --format go")
	case o.options.Version != "" && format != export.AsyncAPI:
		return usagef("--contract-version is for --format asyncapi")
	}
	c, err := a.catalogue()
	if err != nil {
		return err
	}
	text, err := export.Write(c, format, o.options)
	if err != nil {
		return err
	}
	if o.out == "" || o.out == "-" {
		_, err = a.out.Write(text)
		return err
	}
	if err := replaceFile(o.out, text); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	a.print.status("wrote %s (%s)", o.out, byteSize(int64(len(text))))
	return nil
}

// replaceFile writes a file so that it is there with all of its text, or is
// what it was.
func replaceFile(name string, text []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, text, 0o644) // a device or a pipe
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
