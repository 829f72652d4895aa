package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
)

// load makes the merged project for a state.
func (r *dockerRuntime) load(ctx context.Context, s State, opts UpOptions) (*composefile.Stack, error) {
	id, labels, err := r.clusterID(ctx, s.ClusterID)
	if err != nil {
		return nil, err
	}
	src := composefile.Source{
		Project: r.project, Dir: r.dir, Overlays: s.Overlays, Override: opts.Override,
		Environ: os.Environ(), AllowUnsafe: opts.AllowUnsafe, VolumeLabels: labels,
		Variables: variables(s, id),
	}
	stack, err := composefile.Load(ctx, src)
	switch {
	case errors.Is(err, composefile.ErrUnsafe):
		return nil, advise(mark(ErrInvalid, err), "read what it asks for; to accept it: --allow-unsafe-override")
	case errors.Is(err, composefile.ErrInvalid):
		return nil, mark(ErrInvalid, err)
	}
	return stack, err
}

// variables are those of the compose files.
func variables(s State, clusterID string) map[string]string {
	vars := map[string]string{"KAFKA_CLUSTER_ID": clusterID, "KAFKA_ADVERTISED_HOST": "127.0.0.1"}
	for service, prefix := range map[string]string{ServiceKafka: "KAFKA", ServiceRegistry: "SCHEMA_REGISTRY", ServiceUI: "KAFKA_UI"} {
		vars[prefix+"_PORT"] = fmt.Sprint(publishedPort(service) + s.PortOffset)
		vars[prefix+"_BIND"] = "127.0.0.1"
	}
	if s.Advertise != "" {
		vars["KAFKA_ADVERTISED_HOST"] = s.Advertise
		if strings.Contains(s.Advertise, ":") {
			vars["KAFKA_ADVERTISED_HOST"] = "[" + s.Advertise + "]"
		}
		if !isLoopback(s.Advertise) {
			vars["KAFKA_BIND"] = "0.0.0.0"
		}
	}
	return vars
}

// publishedPort is a service's port without an offset.
func publishedPort(service string) int {
	return map[string]int{ServiceKafka: basePort, ServiceRegistry: 8081, ServiceUI: 8080}[service]
}

// clusterID finds the id under which Kafka's data stands, unless one is wanted,
// and the labels for the volume. A volume knows its
// own by a label, whatever became of the project's files; one without a label
// was made by the compose file by hand, under that file's default.
func (r *dockerRuntime) clusterID(ctx context.Context, wanted string) (id string, labels map[string]string, err error) {
	const label = "manage-kafka.cluster-id"
	have, exists, err := r.engine.VolumeLabels(ctx, r.dataVolume())
	if err != nil {
		return "", nil, fromEngine(err)
	}
	id = wanted
	switch {
	case exists && have[label] == "":
		id = first(id, handMadeClusterID)
	case exists:
		// The labels of a volume never change: compose would offer to recreate it.
		labels = map[string]string{label: have[label]}
		id = first(id, have[label])
	default:
		id = first(id, newClusterID())
		labels = map[string]string{label: id}
	}
	if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != 16 {
		return "", nil, errorf(ErrInvalid, "cluster id %q: want 16 bytes in base64 with - and _", id)
	}
	return id, labels, nil
}

// handMadeClusterID is what the compose file takes when it is run by hand.
const handMadeClusterID = "4L6g3nShT-eMCtK--X86sw"

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// newClusterID makes an id as Kafka's own tools do: no leading dash, which
// they would take for a flag.
func newClusterID() string {
	for {
		var raw [16]byte
		_, _ = rand.Read(raw[:]) // never fails
		if id := base64.RawURLEncoding.EncodeToString(raw[:]); !strings.HasPrefix(id, "-") {
			return id
		}
	}
}

// replaceFile writes a file of the user's own in one step. It may hold what an
// env_file held.
func replaceFile(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// complete tells whether every service that a start asks for runs, so that it
// has nothing to do.
func (s *Stack) complete(ctx context.Context, services []Service, state State, opts UpOptions) bool {
	r, ok := s.runtime.(*dockerRuntime)
	if !ok {
		return true
	}
	stack, err := r.load(ctx, state, opts)
	if err != nil {
		return false // Up says it
	}
	wanted, err := selectServices(stack, opts)
	if err != nil {
		return false
	}
	for _, name := range wanted {
		if stateOf(services, name) != StateRunning {
			return false
		}
	}
	// An override that changed since is a wish to change what runs.
	have, err := os.ReadFile(r.file())
	return err == nil && slices.Equal(have, stack.YAML)
}
