package cmd

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// settings reads the configuration files once.
func (a *app) settings() (settings.Files, error) {
	dir, err := os.Getwd()
	if err != nil {
		return settings.Files{}, fmt.Errorf("working directory: %w", err)
	}
	configDir, err := os.UserConfigDir()
	if err != nil {
		configDir = "" // without a home there is no file of the user's
	}
	files, err := settings.Load(dir, configDir, a.flags.configFile, a.warnText)
	if err != nil {
		return settings.Files{}, &usageError{err: err}
	}
	return files, nil
}

// settleProject takes the name of the local stack from the configuration files
// where neither flag nor environment gives it; the project's file comes first.
func (a *app) settleProject() error {
	if a.flags.project != "" {
		return nil
	}
	files, err := a.settings()
	if err != nil {
		return err
	}
	for _, file := range files.All() {
		if a.flags.project == "" {
			a.flags.project = file.Project
		}
	}
	return nil
}

func (a *app) warnText(text string) { a.print.warn("%s", text) }

// givenProperties are the client properties of the command line: those of
// --command-config, and those of -X, which win.
type givenProperties struct {
	file      map[string]string // of --command-config, without bootstrap.servers
	set       map[string]string // of -X
	bootstrap []string          // bootstrap.servers of either
	path      string            // of --command-config
}

func (a *app) givenProperties() (givenProperties, error) {
	g := givenProperties{path: a.flags.commandConfig, file: map[string]string{}, set: map[string]string{}}
	if g.path != "" {
		if err := a.readCommandConfig(&g); err != nil {
			return givenProperties{}, err
		}
	}
	for _, item := range a.flags.set {
		name, value, ok := strings.Cut(item, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return givenProperties{}, usagef("-X %s: want key=value", redacted(item))
		}
		name, value = fromLibrdkafka(name, value)
		switch use, nearest := kafka.LookupProperty(name); {
		case use == kafka.PropertyUnknown && slices.Contains(topics.SettingNames(), name):
			return givenProperties{}, withHint(usagef("-X %s: a setting of topics, not of a connection", name), "here that is -c %s=... of create-topic and alter-topic", name)
		case use == kafka.PropertyUnknown && nearest != "":
			return givenProperties{}, usagef("-X %s: unknown client property; did you mean %s?", name, nearest)
		case use == kafka.PropertyUnknown:
			return givenProperties{}, usagef("-X %s: unknown client property", name)
		case use == kafka.PropertyNoted:
			return givenProperties{}, withHint(usagef("-X %s: has no effect on a connection", name), "commands have flags of their own for what they send and read")
		}
		if kafka.SecretProperty(name) && !isReference(value) {
			return givenProperties{}, withHint(usagef("-X %s: a secret does not belong on a command line, where others can read it", name),
				"put it into a file and use: -X %s=@FILE, or -X %s=env:NAME", name, name)
		}
		value, err := a.resolveReference(name, value, "")
		if err != nil {
			return givenProperties{}, usagef("-X %s: %w", name, err)
		}
		g.set[name] = value
	}
	for _, props := range []map[string]string{g.file, g.set} {
		if servers := props[propBootstrap]; servers != "" {
			g.bootstrap = []string{servers}
		}
		delete(props, propBootstrap)
	}
	return g, nil
}

const propBootstrap = "bootstrap.servers"

// redacted keeps the name of what may be name:secret.
func redacted(item string) string {
	if i := strings.IndexAny(item, ": "); i >= 0 {
		return item[:i] + "…"
	}
	return item
}

// fromLibrdkafka gives a property of kcat's Kafka's own name. A path becomes a
// reference to the file.
func fromLibrdkafka(name, value string) (own, reference string) {
	own, isPath := kafka.FromLibrdkafka(name)
	if isPath && !isReference(value) {
		value = "@" + value
	}
	return own, value
}

// ownNames gives the properties of a file of kcat's Kafka's own names.
func (a *app) ownNames(props map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		own, value := fromLibrdkafka(name, props[name])
		if own == name {
			continue
		}
		if _, twice := props[own]; twice {
			return fmt.Errorf("%s and %s are the same property: leave one out", name, own)
		}
		if value != props[name] {
			var err error
			if value, err = a.resolveReference(own, value, ""); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		delete(props, name)
		props[own] = value
	}
	return nil
}

// readCommandConfig reads a Java client.properties file, or one of kcat's. What
// their clients know and this tool does not use is noted with -v.
func (a *app) readCommandConfig(g *givenProperties) error {
	body, err := secretfile.Read(g.path, nil)
	if err != nil {
		return usagef("--command-config: %w", err)
	}
	props, err := kafka.ParseProperties(bytes.NewReader(body))
	if err != nil {
		return usagef("--command-config %s: %w", g.path, err)
	}
	var noted []string
	secret := false
	if err := a.ownNames(props); err != nil {
		return usagef("--command-config %s: %w", g.path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		switch use, nearest := kafka.LookupProperty(name); {
		case use == kafka.PropertyUsed:
			g.file[name] = props[name]
			secret = secret || kafka.SecretProperty(name)
		case use == kafka.PropertyNoted:
			noted = append(noted, name)
		case nearest != "":
			return usagef("--command-config %s: %s: unknown client property; did you mean %s?", g.path, name, nearest)
		default:
			return usagef("--command-config %s: %s: unknown client property", g.path, name)
		}
		if strings.HasPrefix(props[name], "${") && props["config.providers"] != "" {
			return usagef("--command-config %s: %s: config providers are not supported; write the value, or use -X %s=@FILE", g.path, name, name)
		}
	}
	if len(noted) > 0 && a.print.verbose {
		a.print.status("%s: no effect here: %s", g.path, strings.Join(noted, ", "))
	}
	if secret {
		err = secretfile.Check(g.path, a.warnText)
	}
	return err
}

// belongsTo refuses to send credentials to brokers that another file names:
// whoever wrote that file would get them.
func (g givenProperties) belongsTo(t target, from settings.Context, named bool) error {
	fileHas, setHas := hasCredentials(g.file), hasCredentials(g.set)
	switch {
	case from.File != nil && from.File.Shared && !named && (fileHas || setHas):
		return withHint(usagef("credentials are not sent to %s, which the project file %s names", joinList(t.config.Bootstrap), from.File.Path),
			"name the brokers with --bootstrap-server too, or put the context into your own configuration file")
	case fileHas && from.HasCredentials():
		return withHint(usagef("both --command-config %s and context %s hold credentials", g.path, from.Name), "drop one of the two")
	case fileHas && len(g.bootstrap) > 0:
		own, err := kafka.ParseAddresses(g.bootstrap)
		if err != nil {
			return fmt.Errorf("bootstrap.servers: %w", err)
		}
		for _, addr := range t.config.Bootstrap {
			if !slices.Contains(own, addr) {
				return withHint(usagef("credentials of %s are for its own bootstrap.servers %s, not for %s", g.path, joinList(own), addr),
					"drop bootstrap.servers from the file, or --bootstrap-server")
			}
		}
	}
	return nil
}

func hasCredentials(props map[string]string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(props)), kafka.CredentialProperty)
}

// properties joins those of the context with those of the command line, which win.
func (a *app) properties(from settings.Context, given givenProperties) (map[string]string, error) {
	props := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(from.Properties)) {
		value, err := a.resolveReference(name, from.Properties[name], filepath.Dir(from.File.Path))
		if err != nil {
			return nil, usagef("%s: context %s: %s: %w", from.File.Path, from.Name, name, err)
		}
		props[name] = value
	}
	maps.Copy(props, given.file)
	maps.Copy(props, given.set)
	return props, nil
}

// isReference tells @file and env:NAME from a value that stands for itself.
func isReference(value string) bool {
	return strings.HasPrefix(value, "@") || strings.HasPrefix(value, "env:")
}

// resolveReference gives what @file or env:NAME stands for. Only secrets and
// PEM texts are looked up: other values stand for themselves. A relative file
// is relative to dir.
func (a *app) resolveReference(name, value, dir string) (string, error) {
	if !isReference(value) || !kafka.SecretProperty(name) && name != "ssl.keystore.certificate.chain" && name != "ssl.truststore.certificates" {
		return value, nil
	}
	if variable, ok := strings.CutPrefix(value, "env:"); ok {
		text, set := os.LookupEnv(variable)
		if !set || text == "" {
			return "", fmt.Errorf("environment variable %s is not set", variable)
		}
		return text, nil
	}
	path := strings.TrimPrefix(value, "@")
	if dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	warn := a.warnText
	if !kafka.SecretProperty(name) {
		warn = nil
	}
	body, err := secretfile.Read(path, warn)
	if err != nil {
		return "", err
	}
	// An editor ends the file with a newline that is not meant.
	text := strings.TrimSuffix(strings.TrimSuffix(string(body), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}
