package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		GroupID: groupTool,
		Example: "  manage-kafka version\n  manage-kafka version -o json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVersion(a) },
	}
	a.outputFlag(cmd)
	return cmd
}

// buildVersion is what the binary was built from, as the Go tool wrote it there.
type buildVersion struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Modified tells that the source differed from the commit.
	Modified bool   `json:"modified,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit, RFC 3339
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readVersion() buildVersion {
	v := buildVersion{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// when is the time of the commit, or the start of Unix time where it is unknown.
func (v buildVersion) when() *time.Time {
	t, err := time.Parse(time.RFC3339, v.Date)
	if err != nil {
		t = time.Unix(0, 0).UTC()
	}
	return &t
}

func (v buildVersion) String() string {
	text := "manage-kafka " + v.Version
	if len(v.Commit) >= 12 {
		text += ", commit " + v.Commit[:12]
	}
	if v.Modified {
		text += " with changes"
	}
	return fmt.Sprintf("%s (%s, %s)", text, v.Go, v.Platform)
}

func runVersion(a *app) error {
	v := readVersion()
	if a.print.format == formatName {
		_, err := fmt.Fprintln(a.out, v.Version)
		return err
	}
	return printValue(a.print, v, func() error {
		_, err := fmt.Fprintln(a.out, v)
		return err
	})
}
