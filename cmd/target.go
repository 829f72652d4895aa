package cmd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// target is the cluster that a command line means.
type target struct {
	context string // its name, empty without one
	source  string // where the bootstrap list comes from
	config  kafka.Config
	files   settings.Files
	// mask lists JSON pointers of members of record values that no output shows.
	mask   []string
	ledger string // of the context, empty for the usual one
}

// resolve finds the cluster: flag, environment, context, the running
// project's stack, localhost. A context that is named beats KAFKA_BROKERS,
// which is no flag of this tool; the current one does not.
func (a *app) resolve() (target, error) {
	files, err := a.settings()
	if err != nil {
		return target{}, err
	}
	given, err := a.givenProperties()
	if err != nil {
		return target{}, err
	}
	t := target{files: files}
	var from settings.Context
	flags, env := a.flags.bootstrap, os.Getenv("KAFKA_BROKERS")
	useContext := a.flags.context != "" || len(flags) == 0 && len(given.bootstrap) == 0 && env == ""
	if useContext {
		var ok bool
		if from, ok, err = files.Context(a.flags.context); err != nil {
			return target{}, &usageError{err: err}
		}
		useContext = ok
	}
	switch {
	case useContext:
		t.context, t.source, t.config.Bootstrap = from.Name, "context "+from.Name, from.Bootstrap
		if len(flags) > 0 {
			if t.config.Bootstrap, err = a.withinContext(from); err != nil {
				return target{}, err
			}
		}
	case len(flags) > 0:
		t.source, t.config.Bootstrap = "--bootstrap-server", flags
	case len(given.bootstrap) > 0:
		t.source, t.config.Bootstrap = "bootstrap.servers", given.bootstrap
	case env != "":
		t.source, t.config.Bootstrap = "KAFKA_BROKERS", []string{env}
	default:
		if err := a.settleProject(); err != nil {
			return target{}, err
		}
		t.source, t.config.Bootstrap = a.localStack()
	}
	if t.config.Bootstrap, err = kafka.ParseAddresses(t.config.Bootstrap); err != nil {
		return target{}, fmt.Errorf("%s: %w", t.source, err)
	}
	if err := given.belongsTo(t, from, len(flags) > 0); err != nil {
		return target{}, err
	}
	if t.config.Properties, err = a.properties(from, given); err != nil {
		return target{}, err
	}
	t.config.ClusterID, t.ledger = from.ClusterID, from.DLQ.Ledger
	t.config.Timeout = a.flags.timeout
	_, t.mask = files.Rules(t.config.Bootstrap, from.ClusterID)
	for _, pointer := range from.Mask {
		if !slices.Contains(t.mask, pointer) {
			t.mask = append(t.mask, pointer)
		}
	}
	return t, nil
}

// withinContext gives the brokers of --bootstrap-server where the context has
// them too: its credentials and rules are for those alone.
func (a *app) withinContext(c settings.Context) ([]string, error) {
	addrs, err := kafka.ParseAddresses(a.flags.bootstrap)
	if err != nil {
		return nil, fmt.Errorf("--bootstrap-server: %w", err)
	}
	if !c.Covers(addrs) {
		return nil, withHint(usagef("--bootstrap-server %s is no broker of context %s, which has %s", joinList(addrs), c.Name, joinList(c.Bootstrap)),
			"drop one of the two")
	}
	return addrs, nil
}

// localStack is where the project's own stack listens, as it was recorded when
// it started, else where one would.
func (a *app) localStack() (source string, bootstrap []string) {
	project := a.flags.project
	if project == "" {
		project = cluster.DefaultProject
	}
	// Whatever is wrong with the record, the stack's own commands say it.
	if state, err := cluster.ReadState(project); err == nil && state.Endpoints[cluster.ServiceKafka] != "" {
		return "project " + project, []string{state.Endpoints[cluster.ServiceKafka]}
	}
	return "default", []string{"localhost:9092"}
}

// explainConnect adds the next step to a failed connection.
func (a *app) explainConnect(err error) error {
	var ce *kafka.ConnectError
	switch {
	case errors.As(err, &ce) && ce.Hint != "":
		return withHint(err, "%s", ce.Hint)
	case errors.Is(err, kafka.ErrClusterMismatch) && a.target.context != "":
		return withHint(err, "context %s pins another cluster; nothing was sent to this one", a.target.context)
	case !errors.Is(err, kafka.ErrUnreachable):
		return err
	case a.target.source == "KAFKA_BROKERS":
		return withHint(err, "KAFKA_BROKERS names these brokers; are they running?")
	case a.target.context != "":
		return withHint(err, "check that the broker runs and that %s is right", a.target.source)
	case slices.ContainsFunc(a.target.config.Bootstrap, isLocal):
		return withHint(err, "start a stack with: %s, or name a cluster with --bootstrap-server", a.stackLine("start"))
	}
	return withHint(err, "check that the broker runs and that %s is right", a.target.source)
}

func isLocal(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback())
}
