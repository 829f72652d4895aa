package compose_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/multi-tenant/manage-kafka/compose"
)

// variable is a dollar sign and what follows, up to the end of the expression.
var variable = regexp.MustCompile(`\$(\$|\{[^}]*\}|[A-Za-z_0-9]*)`)

// TestVariables holds that every variable has a default, and the same one
// wherever it is used.
func TestVariables(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^\$\{([A-Z_]+):-(.+)\}$`)
	defaults := map[string]string{}
	for _, name := range append(overlays(t), compose.Base) {
		text, err := fs.ReadFile(compose.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range variable.FindAllString(string(text), -1) {
			if found == "$$" {
				continue
			}
			parts := form.FindStringSubmatch(found)
			if parts == nil {
				t.Errorf("%s: %s has no default", name, found)
				continue
			}
			if before, ok := defaults[parts[1]]; ok && before != parts[2] {
				t.Errorf("%s: %s defaults to %q here and to %q elsewhere", name, parts[1], parts[2], before)
			}
			defaults[parts[1]] = parts[2]
		}
	}
	if len(defaults) < 10 {
		t.Errorf("only %d variables found: %v", len(defaults), defaults)
	}
}

// TestOverrides holds that the variables reach what they are for. A port must
// move where it is published and where the broker advertises it.
func TestOverrides(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, set []string) {
		project := load(t, set, "KAFKA_PORT=19092", "SCHEMA_REGISTRY_PORT=18081", "KAFKA_UI_PORT=18080",
			"KAFKA_IMAGE=mirror.example/kafka:4.3.1", "KAFKA_MEMORY=2g", "KAFKA_ADVERTISED_HOST=broker.example", "KAFKA_BIND=0.0.0.0")
		for name, want := range map[string]string{"kafka": "19092", "schema-registry": "18081", "kafka-ui": "18080"} {
			ports := project.Services[name].Ports
			if len(ports) != 1 || ports[0].Published != want {
				t.Errorf("%s is published as %+v, want port %s alone", name, ports, want)
			}
		}
		kafka := project.Services["kafka"]
		if kafka.Image != "mirror.example/kafka:4.3.1" {
			t.Errorf("image is %s", kafka.Image)
		}
		if kafka.MemLimit != 2<<30 {
			t.Errorf("memory limit is %d bytes", kafka.MemLimit)
		}
		if kafka.Ports[0].HostIP != "0.0.0.0" {
			t.Errorf("bound to %s", kafka.Ports[0].HostIP)
		}
		if got := value(kafka.Environment, "KAFKA_ADVERTISED_LISTENERS"); !strings.HasSuffix(got, ",HOST://broker.example:19092") {
			t.Errorf("advertised: %s", got)
		}
	})
}

// TestConfluentOverlay holds that nothing of the registry it replaces is left
// and that the UI asks the new one at its own address.
func TestConfluentOverlay(t *testing.T) {
	t.Parallel()
	project := load(t, []string{"registry-confluent.yaml"})
	registry := project.Services["schema-registry"]
	if !strings.HasPrefix(registry.Image, "confluentinc/cp-schema-registry:") {
		t.Errorf("image is %s", registry.Image)
	}
	for name := range registry.Environment {
		if !strings.HasPrefix(name, "SCHEMA_REGISTRY_") {
			t.Errorf("variable %s is not one of its own", name)
		}
	}
	if got := value(project.Services["kafka-ui"].Environment, "KAFKA_CLUSTERS_0_SCHEMAREGISTRY"); got != "http://schema-registry:8080" {
		t.Errorf("the UI asks %s", got)
	}
}

// value gives a variable of a service, and "" when it has none.
func value(env types.MappingWithEquals, name string) string {
	if set := env[name]; set != nil {
		return *set
	}
	return ""
}

// TestStandIns holds that the container tests build what the stack runs.
func TestStandIns(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join("..", "test", "setup", "docker.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range load(t, nil).Services {
		if !strings.Contains(string(script), " "+service.Image+"\"\n") {
			t.Errorf("%s: test/setup/docker.sh has no stand-in for %s", name, service.Image)
		}
	}
}
