package cmd

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// registryFlag gives a command its --registry.
func registryFlag(cmd *cobra.Command, urls *string) {
	cmd.Flags().StringVar(urls, "registry", "", "`URL` of the schema registry (default: SCHEMA_REGISTRY_URL, else that of the running stack)")
}

// openRegistry prepares a client of the registry that flag, environment or the
// project's own stack names. The caller closes it.
func (a *app) openRegistry(urls string) (*registry.Client, error) {
	if urls == "" && os.Getenv(registry.EnvURL) == "" {
		if err := a.settleProject(); err != nil {
			return nil, err
		}
		urls = a.stackRegistry()
	}
	if urls == "" && os.Getenv(registry.EnvURL) == "" {
		return nil, withHint(usagef("no schema registry is named"), "name its URL by flag or %s, or start a stack with: manage-kafka start", registry.EnvURL)
	}
	conf, err := registry.FromEnvironment(urls, os.Getenv, a.warnText)
	if err != nil {
		return nil, &usageError{err: err}
	}
	c, err := registry.Open(conf)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return c, nil
}

// stackRegistry is where the project's stack has its registry, "" without one.
func (a *app) stackRegistry() string {
	project := a.flags.project
	if project == "" {
		project = cluster.DefaultProject
	}
	state, err := cluster.ReadState(project)
	addr := state.Endpoints[cluster.ServiceRegistry]
	switch {
	case err != nil || addr == "": // the stack's own commands say what is wrong with it
		return ""
	case strings.Contains(addr, "://"):
		return addr
	}
	return "http://" + addr
}

// explainRegistry gives an error of the registry its exit code and its hint.
func explainRegistry(c *registry.Client, err error) error {
	switch {
	case errors.Is(err, registry.ErrUnreachable):
		return withHint(withCode(err, exitUnreachable), "check that a schema registry runs at %s", c.URL())
	case errors.Is(err, registry.ErrUnauthorized):
		return withHint(withCode(err, exitNotPermitted), "credentials: %s or %s", registry.EnvBasicAuthFile, registry.EnvTokenFile)
	}
	return err
}

// subjectOf is the subject of a schema by TopicRecordNameStrategy: types of one
// topic evolve each for itself. A major version is a record of its own.
func subjectOf(topic string, s schemaset.Schema) string {
	name := topic + "-" + s.Type
	if s.Major > 1 {
		name += fmt.Sprintf(".v%d", s.Major)
	}
	return name
}

// topicOf is the topic of a type, also of one that the catalogue lacks.
func topicOf(c *events.Catalogue, name string) string {
	if t, err := c.Lookup(name); err == nil {
		return t.Topic
	}
	return events.TopicOf(name)
}
