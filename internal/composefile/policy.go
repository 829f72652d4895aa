package composefile

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

// finding is one thing that needs the user's word.
type finding struct {
	file string
	line int
	text string
}

func (f finding) String() string {
	if f.line > 0 {
		return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text)
	}
	return f.file + ": " + f.text
}

// unsafe makes an error of findings, which are never none.
func unsafe(found []finding) error {
	first := found[0]
	lines := []string{first.text}
	for _, f := range found[1:] {
		lines = append(lines, f.String())
	}
	return &Error{File: first.file, Line: first.line, Kind: ErrUnsafe, Err: errors.New(strings.Join(lines, "\n"))}
}

// inspector gathers what a merged project asks for beyond what a stack needs.
type inspector struct {
	over  *override
	src   Source
	root  string // the only directory whose files containers may see
	found []finding
}

// newInspector looks at what the override would have read while it is merged.
// Without an override there is nothing to look at: the project is ours, and
// the tests of the carried files hold it.
func newInspector(over *override, src Source) (*inspector, error) {
	in := &inspector{over: over, src: src}
	if over == nil {
		return in, nil
	}
	root, err := filepath.EvalSymlinks(filepath.Dir(over.path))
	if err != nil {
		return nil, err
	}
	in.root = root
	in.files()
	return in, in.verdict()
}

// verdict is an error when something was found that was not allowed.
func (in *inspector) verdict() error {
	if len(in.found) == 0 || in.src.AllowUnsafe {
		return nil
	}
	return unsafe(in.found)
}

// inspect looks at the merged project.
func (in *inspector) inspect(project *types.Project, env *environment) error {
	if in.over == nil {
		return nil
	}
	for _, name := range env.asked {
		in.addAt(in.over.lineOf("${"+name, "services"), "uses %s of your environment, which a container could send elsewhere; put what it needs into a .env file beside it", name)
	}
	for _, name := range project.ServiceNames() {
		if err := in.service(project.Services[name], env); err != nil {
			return err
		}
	}
	in.resources(project)
	return in.verdict()
}

func (in *inspector) addAt(line int, format string, args ...any) {
	in.found = append(in.found, finding{file: in.over.path, line: line, text: fmt.Sprintf(format, args...)})
}

// add notes a finding about a place in the merged project.
func (in *inspector) add(place []string, detail, format string, args ...any) {
	in.addAt(in.over.lineOf(detail, place...), strings.Join(place, ".")+": "+format, args...)
}

// harmless are members of a service that give it nothing of the machine beyond
// its own container. Every other one needs the user's word, also those that
// later versions of compose bring.
func harmless() []string {
	return strings.Fields(`
		attach blkio_config cap_drop command configs container_name cpu_count cpu_percent cpu_period cpu_quota
		cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset depends_on deploy dns dns_opt dns_search domainname
		entrypoint env_file environment expose extra_hosts group_add healthcheck hostname image init label_file
		labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit networks
		oom_kill_disable oom_score_adj pids_limit platform ports profiles pull_policy read_only restart scale
		secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty
		ulimits user volumes working_dir cgroup ipc network_mode uts`)
}

// service looks at every member of a service.
func (in *inspector) service(s types.ServiceConfig, env *environment) error {
	text, err := yaml.Marshal(s)
	if err != nil {
		return err
	}
	var members map[string]any
	if err := yaml.Unmarshal(text, &members); err != nil {
		return err
	}
	place := func(member string) []string { return []string{"services", s.Name, member} }
	for member := range members {
		if !slices.Contains(harmless(), member) && !strings.HasPrefix(member, "x-") {
			in.add(place(member), "", "gives the container more of this machine, or runs more than its image")
		}
	}
	in.namespaces(s, place)
	for _, p := range s.Ports {
		if !in.mayPublish(s.Name, p) {
			where := p.HostIP
			if where == "" {
				where = "every address"
			}
			in.add(place("ports"), p.Published, "publishes port %s on %s, not on 127.0.0.1", p.Published, where)
		}
	}
	for _, v := range s.Volumes {
		in.mount(v, place("volumes"))
	}
	for _, f := range s.EnvFiles {
		in.file(f.Path, place("env_file"))
	}
	for _, path := range s.LabelFiles {
		in.file(path, place("label_file"))
	}
	for name, value := range s.Environment {
		if value != nil {
			continue
		}
		// Without a value it is taken from the environment of whoever reads the
		// merged file, which is none of the container's business.
		if set, ok := env.user[name]; ok {
			in.add(place("environment"), name, "passes %s of your environment to the container", name)
			s.Environment[name] = &set
		} else {
			delete(s.Environment, name)
		}
	}
	return nil
}

// namespaces looks at what a service shares with the machine or with others.
func (in *inspector) namespaces(s types.ServiceConfig, place func(string) []string) {
	if n := s.NetworkMode; n != "" && n != "none" && n != "bridge" && !strings.HasPrefix(n, "service:") {
		in.add(place("network_mode"), n, "shares the network of %s", n)
	}
	for member, value := range map[string]string{"ipc": s.Ipc, "cgroup": s.Cgroup, "uts": s.Uts} {
		if value != "" && value != "private" && value != "shareable" {
			in.add(place(member), value, "shares a namespace of %s", value)
		}
	}
	for _, opt := range s.SecurityOpt {
		if opt != "no-new-privileges:true" && opt != "no-new-privileges" {
			in.add(place("security_opt"), opt, "%s takes away a barrier around the container", opt)
		}
	}
	if l := s.Logging; l != nil && !slices.Contains([]string{"", "json-file", "local", "none"}, l.Driver) {
		in.add(place("logging"), l.Driver, "log driver %s sends what the service writes elsewhere", l.Driver)
	}
	if d := s.Deploy; d != nil && d.Resources.Reservations != nil && len(d.Resources.Reservations.Devices) > 0 {
		in.add(place("deploy"), "", "reserves devices of this machine")
	}
}

// mayPublish tells whether a port stays on this machine, or is the broker's,
// opened by the user's own --advertise.
func (in *inspector) mayPublish(service string, p types.ServicePortConfig) bool {
	addr, err := netip.ParseAddr(p.HostIP)
	if err == nil && addr.IsLoopback() {
		return true
	}
	return service == "kafka" && p.HostIP != "" && p.HostIP == in.src.Variables["KAFKA_BIND"] && p.Published == in.src.Variables["KAFKA_PORT"]
}

func (in *inspector) mount(v types.ServiceVolumeConfig, place []string) {
	switch v.Type {
	case types.VolumeTypeVolume, types.VolumeTypeTmpfs:
	case types.VolumeTypeBind:
		in.file(v.Source, place)
	default:
		in.add(place, v.Source, "mount of type %s", v.Type)
	}
}

// file refuses what lies outside the override's directory, also by way of a
// symbolic link, and what is a socket.
func (in *inspector) file(path string, place []string) {
	real := path
	for above := path; ; above = filepath.Dir(above) {
		// A path that does not exist is where the nearest that does leads.
		resolved, err := filepath.EvalSymlinks(above)
		if err == nil {
			rest, _ := filepath.Rel(above, path) // of a directory above it, never fails
			real = filepath.Join(resolved, rest)
			break
		}
		if above == filepath.Dir(above) {
			break
		}
	}
	rel, err := filepath.Rel(in.root, real)
	switch info, statErr := os.Stat(real); {
	case err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
		in.add(place, filepath.Base(path), "%s lies outside %s", real, in.root)
	case statErr == nil && info.Mode()&os.ModeSocket != 0:
		in.add(place, filepath.Base(path), "%s is a socket of this machine", path)
	}
}

// resources looks at volumes, networks, configs and secrets.
func (in *inspector) resources(project *types.Project) {
	prefix := project.Name + "_"
	for key, v := range project.Volumes {
		place := []string{"volumes", key}
		switch {
		case bool(v.External) || !strings.HasPrefix(v.Name, prefix):
			in.add(place, v.Name, "volume %s is not this project's", v.Name)
		case v.Driver != "" && v.Driver != "local", len(v.DriverOpts) > 0:
			in.add(place, "", "a volume with a driver or options of its own can be any directory of this machine")
		}
	}
	for key, n := range project.Networks {
		place := []string{"networks", key}
		switch {
		case bool(n.External) || !strings.HasPrefix(n.Name, prefix):
			in.add(place, n.Name, "network %s is not this project's", n.Name)
		case n.Driver != "" && n.Driver != "bridge", len(n.DriverOpts) > 0:
			in.add(place, n.Driver, "a network with a driver or options of its own can be this machine's")
		}
	}
	for key, c := range project.Configs {
		in.fileObject(types.FileObjectConfig(c), []string{"configs", key})
	}
	for key, s := range project.Secrets {
		in.fileObject(types.FileObjectConfig(s), []string{"secrets", key})
	}
}

func (in *inspector) fileObject(f types.FileObjectConfig, place []string) {
	if f.File != "" {
		in.file(f.File, place)
	}
	if f.Environment != "" {
		in.add(place, f.Environment, "passes %s of your environment to a container", f.Environment)
	}
	if f.External {
		in.add(place, f.Name, "%s is not this project's", f.Name)
	}
}
