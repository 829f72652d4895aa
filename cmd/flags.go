package cmd

import (
	"time"

	"github.com/spf13/pflag"
)

// globalFlags are the flags that every command takes.
type globalFlags struct {
	bootstrap     []string
	context       string
	configFile    string
	commandConfig string
	set           []string
	project       string
	quiet         bool
	verbose       bool
	color         string
	timeout       time.Duration
	yes           bool
	confirm       string
}

func (g *globalFlags) bind(f *pflag.FlagSet) {
	f.StringSliceVarP(&g.bootstrap, "bootstrap-server", "b", nil, "brokers to connect to first, as `host:port` (repeatable)")
	f.StringVarP(&g.context, "context", "C", "", "`name` of a context in a configuration file")
	f.StringVar(&g.configFile, "config-file", "", "user configuration `file` (default: the platform's own place)")
	f.StringVar(&g.commandConfig, "command-config", "", "Java client.properties or kcat.conf `file` with connection settings")
	f.StringArrayVarP(&g.set, "set", "X", nil, "client setting by Kafka's name, as `key=value` (repeatable); secrets as key=@file or key=env:NAME")
	f.StringVar(&g.project, "project", "", "`name` of the local stack (default manage-kafka)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "say nothing on stderr but errors")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "say more on stderr")
	f.StringVar(&g.color, "color", "auto", "colour: `auto|always|never`")
	f.DurationVar(&g.timeout, "timeout", 0, "bound of the whole command, and of connecting (default: none, and 10s)")
	f.BoolVarP(&g.yes, "yes", "y", false, "do not ask before a destructive change")
	f.StringVar(&g.confirm, "confirm", "", "`name` of the context, to confirm a change in a protected one")
	meant(f, "bootstrap-server", "context", "config-file", "command-config", "project")
	setEnvironment(f, "bootstrap-server", envPrefix+"BOOTSTRAP_SERVER", envPrefix+"BROKERS")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "brokers" {
			name = "bootstrap-server"
		}
		return pflag.NormalizedName(name)
	})
}
