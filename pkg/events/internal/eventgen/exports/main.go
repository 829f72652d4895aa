// Command exports writes what is made of the built-in event types: the package
// payload below the current directory, pkg/events, and docs/events.md. It is
// run by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
	"github.com/multi-tenant/manage-kafka/pkg/events/internal/eventgen"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	c, err := events.NewCatalogue()
	if err != nil {
		return err
	}
	for _, domain := range eventgen.Domains() {
		source, err := export.GoTypes(c, domain, export.Options{})
		if err != nil {
			return err
		}
		if err := write(filepath.Join("payload", domain+"_gen.go"), source); err != nil {
			return err
		}
	}
	catalogue, err := export.Write(c, export.Markdown, export.Options{})
	if err != nil {
		return err
	}
	return write(filepath.Join("..", "..", "docs", "events.md"), catalogue)
}

func write(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}
