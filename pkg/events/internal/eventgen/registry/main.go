// Command registry writes registry_gen.go in the current directory from the
// schemas below it. It is run by go generate.
package main

import (
	"fmt"
	"os"

	"github.com/multi-tenant/manage-kafka/pkg/events/internal/eventgen"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	source, err := eventgen.Registry(os.DirFS("schemas"))
	if err != nil {
		return err
	}
	return os.WriteFile("registry_gen.go", source, 0o644)
}
