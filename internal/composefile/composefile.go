// Package composefile makes the one compose file that a stack runs on: the
// files that the binary carries, the overlays that were asked for and the
// user's compose.override.yaml, loaded, merged and checked by compose-go.
//
// The merged result is what is checked and what is run, so that nothing that an
// override brings, also by way of include or extends, passes unseen.
package composefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"github.com/multi-tenant/manage-kafka/compose"
)

// What callers branch on.
var (
	// ErrInvalid is a file, an overlay or a service name that cannot be used.
	ErrInvalid = errors.New("invalid compose project")
	// ErrUnsafe is an override that asks for more of this machine than a
	// container of the stack may have: see [Source.AllowUnsafe].
	ErrUnsafe = errors.New("override asks for more than a stack may have")
)

// invalidError is an [ErrInvalid] that says what is wrong, and no more.
type invalidError struct{ text string }

func (e *invalidError) Error() string { return e.text }
func (e *invalidError) Unwrap() error { return ErrInvalid }

func invalidf(format string, args ...any) error {
	return &invalidError{fmt.Sprintf(format, args...)}
}

// Source says what to load.
type Source struct {
	// Project is the compose project's name.
	Project string
	// Dir is where the merged file will lie.
	Dir string
	// Overlays are names of overlays, as [Overlays] lists them, in the order in
	// which they are merged.
	Overlays []string
	// Override is the path of the user's override file, or empty.
	Override string
	// Variables are set in every file, whatever the environment says.
	Variables map[string]string
	// Environ is the user's environment: images, heaps and memory limits are
	// taken from there. Nothing else of it reaches a container unless
	// AllowUnsafe is set.
	Environ []string
	// VolumeLabels are put on every volume that the carried files define.
	VolumeLabels map[string]string
	// AllowUnsafe accepts what [ErrUnsafe] is about.
	AllowUnsafe bool
}

// Stack is a loaded project.
type Stack struct {
	// Services are the services that run, by name.
	Services map[string]Service
	// Volumes are the named volumes, as the engine knows them.
	Volumes []string
	// YAML is the merged file, with every variable resolved.
	YAML []byte
	// Accepted says what AllowUnsafe let pass, a line each.
	Accepted []string
}

// Service is one service of a [Stack].
type Service struct {
	Name  string
	Image string
	// Builds tells that its image is built, not pulled.
	Builds bool
	// Needs are the services that it depends on, directly.
	Needs []string
	Ports []Port
}

// Port is a published port.
type Port struct {
	HostIP    string
	Published int
	Target    int
}

// Overlays lists the overlays that can be asked for.
func Overlays() []string {
	names, err := fs.Glob(compose.FS, "*.yaml")
	if err != nil {
		return nil // the pattern is constant
	}
	var list []string
	for _, name := range names {
		if name != compose.Base {
			list = append(list, strings.TrimSuffix(name, ".yaml"))
		}
	}
	return list
}

// Load loads, merges and checks. It reports [ErrInvalid] and [ErrUnsafe], as an
// [*Error] where a line of the override is to blame.
func Load(ctx context.Context, src Source) (*Stack, error) {
	files, err := src.carried()
	if err != nil {
		return nil, err
	}
	workDir := src.Dir
	var over *override
	if src.Override != "" {
		if over, err = readOverride(src.Override); err != nil {
			return nil, err
		}
		workDir = filepath.Dir(over.path)
		files = append(files, types.ConfigFile{Filename: over.path, Content: over.text})
	}
	env, err := src.environment(over)
	if err != nil {
		return nil, err
	}
	in, err := newInspector(over, src)
	if err != nil {
		return nil, err
	}
	details := types.ConfigDetails{WorkingDir: workDir, ConfigFiles: files, Environment: env.known}
	project, err := load(ctx, src.Project, details, env)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, over.blame(err, func(text []byte) error {
			other := details
			other.ConfigFiles = slices.Clone(files)
			other.ConfigFiles[len(files)-1].Content = text
			_, err := load(ctx, src.Project, other, env)
			return err
		})
	}
	if over != nil {
		if err := over.checkServices(project); err != nil {
			return nil, err
		}
	}
	labelVolumes(project, src.VolumeLabels)
	if err := in.inspect(project, env); err != nil {
		return nil, err
	}
	stack, err := describe(project)
	if err != nil {
		return nil, err
	}
	for _, f := range in.found {
		stack.Accepted = append(stack.Accepted, f.String())
	}
	return stack, nil
}

func load(ctx context.Context, name string, details types.ConfigDetails, env *environment) (*types.Project, error) {
	// The library warns on the logger of the whole program about what is
	// reported here as an error, or is no matter.
	logrus.SetOutput(io.Discard)
	return loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(name, true)
		o.Interpolate.LookupValue = env.lookup
	})
}

// carried gives the files that the binary carries.
func (src Source) carried() ([]types.ConfigFile, error) {
	var files []types.ConfigFile
	for _, name := range append([]string{strings.TrimSuffix(compose.Base, ".yaml")}, src.Overlays...) {
		if len(files) > 0 && !slices.Contains(Overlays(), name) {
			return nil, invalidf("overlay %q is not known, there is %s", name, strings.Join(Overlays(), ", "))
		}
		text, err := fs.ReadFile(compose.FS, name+".yaml")
		if err != nil {
			return nil, err
		}
		files = append(files, types.ConfigFile{Filename: filepath.Join(src.Dir, name+".yaml"), Content: text})
	}
	return files, nil
}

// labelVolumes puts labels on the volumes.
func labelVolumes(project *types.Project, labels map[string]string) {
	for name, volume := range project.Volumes {
		if bool(volume.External) || len(labels) == 0 {
			continue
		}
		if volume.Labels == nil {
			volume.Labels = types.Labels{}
		}
		maps.Copy(volume.Labels, labels)
		project.Volumes[name] = volume
	}
}

// describe makes what callers need of a project.
func describe(project *types.Project) (*Stack, error) {
	s := &Stack{Services: map[string]Service{}}
	for name, service := range project.Services {
		described := Service{Name: name, Image: service.Image, Builds: service.Build != nil}
		described.Needs = slices.Sorted(maps.Keys(service.DependsOn))
		for _, p := range service.Ports {
			first, _, _ := strings.Cut(p.Published, "-")
			published, err := strconv.Atoi(first)
			if err != nil {
				continue // the engine chooses one
			}
			described.Ports = append(described.Ports, Port{HostIP: p.HostIP, Published: published, Target: int(p.Target)})
		}
		s.Services[name] = described
	}
	for _, volume := range project.Volumes {
		if !volume.External {
			s.Volumes = append(s.Volumes, volume.Name)
		}
	}
	slices.Sort(s.Volumes)
	text, err := project.MarshalYAML()
	if err != nil {
		return nil, fmt.Errorf("merged compose file: %w", err)
	}
	// What reads the file resolves variables again; here they are resolved.
	s.YAML = bytes.ReplaceAll(text, []byte("$"), []byte("$$"))
	return s, nil
}

// VolumesIn lists the volumes of a merged file, as the engine knows them.
func VolumesIn(text []byte) ([]string, error) {
	var file struct {
		Volumes map[string]struct {
			Name     string
			External bool
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	var names []string
	for _, v := range file.Volumes {
		if !v.External {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Select gives the services that only and exclude leave, with what those depend
// on, by name. Two empty lists leave all. It reports [ErrInvalid] for a name
// that no service has, and for the exclusion of one that another needs.
func (s *Stack) Select(only, exclude []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(s.Services))
	for _, name := range slices.Concat(only, exclude) {
		if !slices.Contains(known, name) {
			return nil, invalidf("service %q is not known, there is %s", name, strings.Join(known, ", "))
		}
	}
	wanted := only
	if len(wanted) == 0 {
		wanted = slices.DeleteFunc(slices.Clone(known), func(name string) bool { return slices.Contains(exclude, name) })
	}
	chosen := map[string]bool{}
	var add func(name, by string) error
	add = func(name, by string) error {
		if slices.Contains(exclude, name) {
			if by == "" {
				return invalidf("service %s is asked for and excluded", name)
			}
			return invalidf("service %s cannot be excluded, %s needs it", name, by)
		}
		if chosen[name] {
			return nil
		}
		chosen[name] = true
		for _, need := range s.Services[name].Needs {
			if err := add(need, name); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range wanted {
		if err := add(name, ""); err != nil {
			return nil, err
		}
	}
	if len(chosen) == 0 {
		return nil, invalidf("every service is excluded")
	}
	return slices.Sorted(maps.Keys(chosen)), nil
}

// FindOverride looks for the user's override in a directory. own tells that it
// belongs to another compose file beside it, and not to this stack.
func FindOverride(dir string) (path string, own bool) {
	for _, name := range []string{"compose.override.yaml", "compose.override.yml"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			path = filepath.Join(dir, name)
			break
		}
	}
	if path == "" {
		return "", false
	}
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return path, false
}
