package cmd

import (
	"errors"
	"syscall"
	"testing"
)

// A reader that goes away is known as such in every form, so that the command ends
// silently.
func TestClosedPipeInEveryForm(t *testing.T) {
	t.Parallel()
	type row struct {
		Name string `json:"name"`
	}
	cols := []column[row]{{head: "NAME", cell: func(r row) string { return r.Name }}}
	for _, format := range []string{formatTable, formatJSON, formatYAML, formatName} {
		p := &printer{out: brokenPipe{}, format: format}
		if err := printRows(p, []row{{"orders"}}, cols); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("-o %s: error %v, want %v", format, err, syscall.EPIPE)
		}
	}
}
