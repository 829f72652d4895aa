package compose_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/multi-tenant/manage-kafka/compose"
)

// overlays lists the files that are merged onto the base.
func overlays(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(compose.FS, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(names, compose.Base) {
		t.Fatalf("%s is not among the embedded files %q", compose.Base, names)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == compose.Base })
}

// combinations gives every set of overlays, the empty one included, in the order
// in which they are merged.
func combinations(names []string) [][]string {
	sets := [][]string{nil}
	for _, name := range names {
		for _, set := range slices.Clone(sets) {
			sets = append(sets, append(slices.Clone(set), name))
		}
	}
	return sets
}

// options prepares the embedded files as written to a directory of their own,
// with nothing but env in the environment.
func options(t *testing.T, set []string, env ...string) *cli.ProjectOptions {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, compose.FS); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range append([]string{compose.Base}, set...) {
		paths = append(paths, filepath.Join(dir, name))
	}
	opts, err := cli.NewProjectOptions(paths, cli.WithWorkingDirectory(dir), cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func load(t *testing.T, set []string, env ...string) *types.Project {
	t.Helper()
	project, err := options(t, set, env...).LoadProject(t.Context())
	if err != nil {
		t.Fatalf("load with %q: %v", set, err)
	}
	return project
}

// eachSet runs check on the base merged with every set of overlays.
func eachSet(t *testing.T, check func(t *testing.T, set []string)) {
	t.Helper()
	for _, set := range combinations(overlays(t)) {
		t.Run(strings.Join(append([]string{compose.Base}, set...), "+"), func(t *testing.T) {
			t.Parallel()
			check(t, set)
		})
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, set []string) {
		project := load(t, set)
		if project.Name != "manage-kafka" {
			t.Errorf("project is named %q", project.Name)
		}
		for _, name := range []string{"kafka", "schema-registry", "kafka-ui"} {
			if _, ok := project.Services[name]; !ok {
				t.Errorf("service %s is missing", name)
			}
		}
		for name, service := range project.Services {
			for _, problem := range problems(project, service) {
				t.Errorf("%s: %s", name, problem)
			}
		}
	})
}

// pinned is an image name with a tag that holds a full version.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?[a-z0-9.-]*$`)

// problems lists what a service breaks of the rules that the runtime and its
// users count on.
func problems(project *types.Project, service types.ServiceConfig) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }

	if !pinned.MatchString(service.Image) {
		report("image %q is not pinned to a version", service.Image)
	}
	for _, port := range service.Ports {
		if addr, err := netip.ParseAddr(port.HostIP); err != nil || !addr.IsLoopback() {
			report("port %s is published on %q, not on loopback", port.Published, port.HostIP)
		}
	}
	if service.MemLimit <= 0 {
		report("no memory limit")
	}
	if service.Privileged || service.NetworkMode == "host" || service.Pid == "host" || service.Ipc == "host" {
		report("takes more of the host than a container of its own")
	}
	for _, volume := range service.Volumes {
		if volume.Type == types.VolumeTypeBind && !strings.HasPrefix(volume.Source, project.WorkingDir) {
			report("bind mount of %s, outside the project", volume.Source)
		}
	}
	if name := service.ContainerName; name != "" {
		report("fixed container name %q: two projects could not run side by side", name)
	}
	if !oneShot(project, service) {
		found = append(found, healthProblems(service)...)
	}
	return found
}

// oneShot says whether some service waits for this one to end well. Without such
// a service, "up --wait" takes a container that has ended for a failure.
func oneShot(project *types.Project, service types.ServiceConfig) bool {
	for other := range maps.Values(project.Services) {
		if other.DependsOn[service.Name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

func healthProblems(service types.ServiceConfig) []string {
	health := service.HealthCheck
	if health == nil || health.Disable || len(health.Test) < 2 || health.Test[0] == "NONE" {
		return []string{"no health check"}
	}
	var found []string
	if health.Interval == nil || health.Timeout == nil || health.StartPeriod == nil || health.Retries == nil {
		found = append(found, "health check leaves its timing to the engine")
	}
	if health.StartInterval != nil {
		found = append(found, "health check uses start_interval, which engines before 25 refuse")
	}
	return found
}

// TestProblems shows that each rule can fail.
func TestProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breakIt func(*types.ServiceConfig)
		want    string
	}{
		"latest":        {func(s *types.ServiceConfig) { s.Image = "apache/kafka:latest" }, "not pinned"},
		"no tag":        {func(s *types.ServiceConfig) { s.Image = "apache/kafka" }, "not pinned"},
		"all addresses": {func(s *types.ServiceConfig) { s.Ports[0].HostIP = "" }, "not on loopback"},
		"open address":  {func(s *types.ServiceConfig) { s.Ports[0].HostIP = "0.0.0.0" }, "not on loopback"},
		"unlimited":     {func(s *types.ServiceConfig) { s.MemLimit = 0 }, "no memory limit"},
		"privileged":    {func(s *types.ServiceConfig) { s.Privileged = true }, "takes more"},
		"fixed name":    {func(s *types.ServiceConfig) { s.ContainerName = "kafka" }, "fixed container name"},
		"no health":     {func(s *types.ServiceConfig) { s.HealthCheck = nil }, "no health check"},
		"no check":      {func(s *types.ServiceConfig) { s.HealthCheck.Test = []string{"NONE"} }, "no health check"},
		"no timing":     {func(s *types.ServiceConfig) { s.HealthCheck.StartPeriod = nil }, "leaves its timing"},
		"engine socket": {func(s *types.ServiceConfig) {
			s.Volumes = append(s.Volumes, types.ServiceVolumeConfig{Type: "bind", Source: "/var/run/docker.sock"})
		}, "outside the project"},
		"new engines only": {func(s *types.ServiceConfig) { s.HealthCheck.StartInterval = s.HealthCheck.Interval }, "start_interval"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project := load(t, nil)
			service := project.Services["kafka"]
			if found := problems(project, service); len(found) != 0 {
				t.Fatalf("before the change: %q", found)
			}
			test.breakIt(&service)
			found := problems(project, service)
			if len(found) != 1 || !strings.Contains(found[0], test.want) {
				t.Errorf("found %q, want one with %q", found, test.want)
			}
		})
	}
}

// TestSelections holds that a part of the stack is a stack: what --only leaves,
// with what it depends on, loads again from its own YAML and keeps every rule.
func TestSelections(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, set []string) {
		whole := load(t, set)
		for _, names := range combinations(whole.ServiceNames())[1:] {
			part, err := whole.WithSelectedServices(names)
			if err != nil {
				t.Fatalf("select %q: %v", names, err)
			}
			written, err := part.WithoutUnnecessaryResources().MarshalYAML()
			if err != nil {
				t.Fatalf("select %q: %v", names, err)
			}
			// compose-go writes values as they are; what reads them interpolates again.
			written = bytes.ReplaceAll(written, []byte("$"), []byte("$$"))
			path := filepath.Join(t.TempDir(), "project.yaml")
			if err := os.WriteFile(path, written, 0o600); err != nil {
				t.Fatal(err)
			}
			opts, err := cli.NewProjectOptions([]string{path}, cli.WithEnv(nil))
			if err != nil {
				t.Fatal(err)
			}
			again, err := opts.LoadProject(t.Context())
			if err != nil {
				t.Fatalf("select %q: load what was written: %v", names, err)
			}
			if _, ok := again.Services["kafka"]; !ok {
				t.Errorf("select %q: the broker they depend on is missing", names)
			}
			for _, name := range names {
				service, ok := again.Services[name]
				if !ok {
					t.Errorf("select %q: %s is missing", names, name)
					continue
				}
				for _, problem := range problems(again, service) {
					t.Errorf("select %q: %s: %s", names, name, problem)
				}
				if before := whole.Services[name].HealthCheck.Test; !slices.Equal(service.HealthCheck.Test, before) {
					t.Errorf("select %q: %s: health check changed on the way: %q", names, name, service.HealthCheck.Test)
				}
			}
		}
	})
}
