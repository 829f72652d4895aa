package cmd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

// envPrefix begins the variables that stand for flags, and testPrefix those of
// this project's own tests.
const (
	envPrefix  = "MANAGE_KAFKA_"
	testPrefix = envPrefix + "TEST_"
)

// envAnnotation names a flag's variable where it is not that of its name; ""
// is none.
const envAnnotation = "environment"

func setEnvironment(s *pflag.FlagSet, flag, variable string) {
	// The only error is a flag that does not exist, which every help test would show.
	_ = s.SetAnnotation(flag, envAnnotation, []string{variable})
}

// fromEnvironment fills every flag that was not given from MANAGE_KAFKA_<FLAG>.
func (g *globalFlags) fromEnvironment(cmd *cobra.Command) error {
	v := viper.New()
	v.SetEnvPrefix(strings.TrimSuffix(envPrefix, "_"))
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	var bad error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || bad != nil {
			return
		}
		env := variableOf(f)
		if _, ok := os.LookupEnv(env); !ok {
			return
		}
		if err := v.BindEnv(f.Name, env); err != nil {
			bad = err
			return
		}
		if err := cmd.Flags().Set(f.Name, v.GetString(f.Name)); err != nil {
			bad = usageOf(cmd, fmt.Errorf("%s: %w", env, err))
		}
	})
	return bad
}

// variableOf is the variable that stands for a flag, "" for none.
func variableOf(f *pflag.Flag) string {
	if names, ok := f.Annotations[envAnnotation]; ok {
		return names[0]
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// warnOfVariables tells of variables that no command knows: who misspelled the
// one that names a cluster works on another cluster.
func (a *app) warnOfVariables(cmd *cobra.Command, environ []string) {
	var ours []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, testPrefix) {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 || strings.HasPrefix(cmd.Name(), cobra.ShellCompRequestCmd) {
		return
	}
	known := map[string]bool{}
	addVariables(cmd.Root(), known)
	delete(known, "")
	var candidates []string // the prefix that all have would make them alike
	for name := range known {
		candidates = append(candidates, strings.TrimPrefix(name, envPrefix))
	}
	slices.Sort(candidates)
	slices.Sort(ours)
	for _, name := range ours {
		if known[name] {
			continue
		}
		meant := ""
		if near := spelling.Nearest(strings.TrimPrefix(name, envPrefix), candidates); len(near) > 0 {
			meant = "; did you mean " + envPrefix + strings.Join(near, " or "+envPrefix) + "?"
		}
		a.print.warn("%s stands for no flag of any command%s", name, meant)
	}
}

func addVariables(cmd *cobra.Command, into map[string]bool) {
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		set.VisitAll(func(f *pflag.Flag) { into[variableOf(f)] = true })
	}
	for _, sub := range cmd.Commands() {
		addVariables(sub, into)
	}
}
