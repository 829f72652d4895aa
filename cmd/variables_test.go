package cmd

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/registry"
)

// What the topic names there is, and what there is for registries it names.
func TestEnvironmentTopic(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	root := newRootCommand(newApp(strings.NewReader(""), os.Stdout, os.Stderr))
	addVariables(root, known)
	text := newEnvironmentTopic().Long
	found := regexp.MustCompile(`MANAGE_KAFKA_[A-Z_]*[A-Z]`).FindAllString(text, -1)
	if len(found) < 5 {
		t.Errorf("%d variables in the topic", len(found))
	}
	for _, name := range found {
		if !known[name] {
			t.Errorf("%s stands for no flag", name)
		}
	}
	for _, name := range []string{
		registry.EnvURL, registry.EnvBasicAuth, registry.EnvBasicAuthFile, registry.EnvToken, registry.EnvTokenFile, registry.EnvCA,
		registry.EnvCert, registry.EnvKey,
	} {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
			t.Errorf("%s is not in the topic", name)
		}
	}
}
