package cmd

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

// dockerFlags are the flags of start that matter to the docker runtime alone.
func (o *startOptions) dockerFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.up.Only, "only", nil, "start only this `service` and what it needs (repeatable; not recorded; docker)")
	f.StringSliceVar(&o.up.Exclude, "exclude", nil, "start without this `service` (repeatable; not recorded; docker)")
	f.StringVar(&o.up.Pull, "pull", cluster.PullMissing, "fetch images: `always|missing|never` (docker)")
	f.BoolVar(&o.up.Keep, "keep", false, "leave what a failed start made, to look at it (docker)")
	f.BoolVar(&o.up.AllowUnsafe, "allow-unsafe-override", false, "accept a compose.override.yaml that asks for more of this machine than the stack needs (docker)")
	f.StringVar(&o.up.ClusterID, "cluster-id", "", "cluster `id` of a new stack, or of the data that its volume holds (docker)")
	completeValues(cmd, "only", cluster.Services()...)
	completeValues(cmd, "exclude", cluster.Services()...)
	completeValues(cmd, "pull", cluster.PullAlways, cluster.PullMissing, cluster.PullNever)
	completeValues(cmd, "with", composefile.Overlays()...)
}

// complete checks the options, and takes from the files what no flag says.
func (o *startOptions) complete(a *app) error {
	switch o.up.Pull {
	case cluster.PullAlways, cluster.PullMissing, cluster.PullNever:
	default:
		return usagef("--pull %q: want always, missing or never", o.up.Pull)
	}
	if o.up.WaitTimeout < 0 {
		return usagef("--wait-timeout %s: want a duration above 0", o.up.WaitTimeout)
	}
	files, err := a.settings()
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	if files.Project != nil {
		dir = filepath.Dir(files.Project.Path)
	}
	for _, file := range files.All() {
		if o.runtime == "" {
			o.runtime = file.Runtime
		}
	}
	path, foreign := composefile.FindOverride(dir)
	if foreign {
		a.print.status("%s belongs to the compose file beside it and is not merged", path)
		return nil
	}
	o.up.Override = path
	return nil
}
