package cmd

import (
	"fmt"
	"maps"
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

// envAnnotation names a flag's variables where they are not that of its name.
const envAnnotation = "environment"

// setEnvironment gives a flag other variables than that of its name, or none. The
// first that is set counts.
func setEnvironment(s *pflag.FlagSet, flag string, variables ...string) {
	// The only error is a flag that does not exist, which every help test would show.
	_ = s.SetAnnotation(flag, envAnnotation, variables)
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
		env, ok := setVariable(f)
		if !ok {
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

// variablesOf are the variables that stand for a flag.
func variablesOf(f *pflag.Flag) []string {
	if names, ok := f.Annotations[envAnnotation]; ok {
		return names
	}
	return []string{envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))}
}

// setVariable is the one of a flag's variables that is set.
func setVariable(f *pflag.Flag) (name string, ok bool) {
	for _, name := range variablesOf(f) {
		if _, ok := os.LookupEnv(name); ok {
			return name, true
		}
	}
	return "", false
}

// warnOfVariables tells of a variable that is one slip of the pen, or two in a long
// one, away from one that stands for a flag: who means another cluster works on this
// one. Others may be there for whatever runs this program.
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
	slices.Sort(ours)
	for _, name := range ours {
		const long, longest = 8, 100
		if known[name] || len(name) > longest {
			continue
		}
		slips := 1
		if len(name)-len(envPrefix) >= long {
			slips = 2
		}
		for _, meant := range slices.Sorted(maps.Keys(known)) {
			if spelling.Distance(name, meant) <= slips {
				a.print.warn("%s stands for no flag of any command; did you mean %s?", name, meant)
				break
			}
		}
	}
}

func addVariables(cmd *cobra.Command, into map[string]bool) {
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			for _, name := range variablesOf(f) {
				into[name] = true
			}
		})
	}
	for _, sub := range cmd.Commands() {
		addVariables(sub, into)
	}
}
