package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// The values of [UpOptions.Pull].
const (
	PullMissing = "missing"
	PullAlways  = "always"
	PullNever   = "never"
)

// Up implements [Runtime].
func (r *dockerRuntime) Up(ctx context.Context, s State, opts UpOptions) error {
	if err := r.find(ctx, 0); err != nil {
		return err
	}
	have, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	if err := r.checkOwn(have.containers); err != nil {
		return err
	}
	r.before, r.show = have, opts.Log
	stack, err := r.load(ctx, s, opts)
	if err != nil {
		return err
	}
	services, err := selectServices(stack, opts)
	if err != nil {
		return err
	}
	if opts.Override != "" {
		report(opts.Progress).note("merging " + opts.Override)
	}
	for _, accepted := range stack.Accepted {
		report(opts.Progress).warn("accepted by --allow-unsafe-override: " + accepted)
	}
	if err := r.checkPorts(ctx, stack, services); err != nil {
		return err
	}
	if err := replaceFile(r.file(), stack.YAML); err != nil {
		return err
	}
	if err := r.images(ctx, stack, services, opts); err != nil {
		return err
	}
	if err = r.start(ctx, services, opts); err == nil {
		return nil
	}
	err = r.explainUp(ctx, err, stack)
	return errors.Join(err, r.Undo(ctx, opts))
}

// selectServices gives the services to start. Nothing works without Kafka.
func selectServices(stack *composefile.Stack, opts UpOptions) ([]string, error) {
	services, err := stack.Select(opts.Only, opts.Exclude)
	if err == nil && !slices.Contains(services, ServiceKafka) {
		err = errors.New("the stack does not work without kafka")
	}
	if err != nil {
		return nil, mark(ErrInvalid, err)
	}
	return services, nil
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
		return "", nil, fmt.Errorf("cluster id %q: want 16 bytes in base64 with - and _: %w", id, ErrInvalid)
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

// images sees to it that the images of services are there.
func (r *dockerRuntime) images(ctx context.Context, stack *composefile.Stack, services []string, opts UpOptions) error {
	wanted := map[string][]string{} // image to services
	for _, name := range services {
		if svc := stack.Services[name]; !svc.Builds {
			wanted[svc.Image] = append(wanted[svc.Image], name)
		}
	}
	images := slices.Sorted(maps.Keys(wanted))
	done := report(opts.Progress).begin("images", fmt.Sprintf("%d images are there", len(images)))
	missing, err := r.engine.MissingImages(ctx, images)
	if err != nil {
		return fromEngine(err)
	}
	if opts.Pull == PullNever && len(missing) > 0 {
		return advise(fmt.Errorf("image %s is not on this machine and --pull never forbids to fetch it", strings.Join(missing, ", ")),
			"fetch it with: docker pull %s", missing[0])
	}
	if opts.Pull == PullAlways {
		missing = images
	}
	var pull []string
	for _, image := range missing {
		report(opts.Progress).note("pulling " + image)
		pull = append(pull, wanted[image]...)
	}
	if len(pull) > 0 {
		err := r.engine.Pull(ctx, r.compose(), pull, func(p docker.Progress) {
			if p.Status == "Pulled" {
				report(opts.Progress).note("pulled " + stack.Services[p.Name].Image)
			}
		})
		if err != nil {
			return r.explainPull(err)
		}
	}
	done()
	return nil
}

func (r *dockerRuntime) explainPull(err error) error {
	switch {
	case errors.Is(err, docker.ErrUnavailable):
		return fromEngine(err)
	case docker.IsDiskFull(err):
		return diskFull(err)
	}
	return advise(fmt.Errorf("fetching images: %w", err), "check the network and the image's name; images that are here already need --pull missing or never")
}

// start creates and starts containers and waits until they are healthy.
func (r *dockerRuntime) start(ctx context.Context, services []string, opts UpOptions) error {
	limit := opts.WaitTimeout
	if limit <= 0 {
		limit = dockerWait
	}
	var paused []string
	for _, c := range r.before.containers {
		if c.State == "paused" && slices.Contains(services, c.Service) {
			paused = append(paused, c.Service)
		}
	}
	if len(paused) > 0 {
		report(opts.Progress).note("unpausing " + strings.Join(paused, ", "))
		if err := r.engine.Unpause(ctx, r.compose(), paused); err != nil {
			return err
		}
	}
	done := report(opts.Progress).begin("containers", fmt.Sprintf("%d containers are healthy", len(services)))
	err := r.engine.Up(ctx, r.compose(), docker.UpOptions{Services: services, WaitTimeout: limit, Progress: r.follow(opts)})
	if err == nil {
		done()
	}
	return err
}

// follow says which containers started and which are healthy.
func (r *dockerRuntime) follow(opts UpOptions) func(docker.Progress) {
	seen := map[string]bool{}
	return func(p docker.Progress) {
		if p.Kind != "Container" || p.Status != "Started" && p.Status != "Healthy" || seen[p.Name+p.Status] {
			return
		}
		seen[p.Name+p.Status] = true
		report(opts.Progress).note(strings.TrimPrefix(p.Name, r.project+"-") + " is " + strings.ToLower(p.Status))
	}
}

// Undo takes back what the last Up made: with nothing there before, all of it;
// otherwise what is new. Named volumes go only when this Up made them.
func (r *dockerRuntime) Undo(ctx context.Context, opts UpOptions) error {
	if opts.Keep {
		report(opts.Progress).note("left as it is, by --keep")
		return nil
	}
	if r.before == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	report(opts.Progress).note("undoing the start")
	if err := r.undo(ctx); err != nil {
		return advise(fmt.Errorf("undoing the start: %w", fromEngine(err)), "once the engine answers, remove what is left with: %s", r.command("stop"))
	}
	return nil
}

func (r *dockerRuntime) undo(ctx context.Context) error {
	now, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	volumes := newer(now.volumes, r.before.volumes)
	if len(r.before.containers) == 0 {
		patience := undoPatience
		if slices.Contains(volumes, r.dataVolume()) {
			patience = 0 // what it writes goes anyway
		}
		if err := r.engine.Down(ctx, r.compose(), docker.DownOptions{Patience: patience}); err != nil {
			return err
		}
	} else if err := r.engine.RemoveContainers(ctx, newer(ids(now.containers), ids(r.before.containers))); err != nil {
		return err
	}
	if now, err = r.inventory(ctx); err != nil {
		return err
	}
	if err := r.engine.RemoveNetworks(ctx, newer(now.networks, r.before.networks)); err != nil {
		return err
	}
	return r.engine.RemoveVolumes(ctx, newer(now.volumes, r.before.volumes))
}

func ids(containers []docker.Container) []string {
	list := make([]string, len(containers))
	for i, c := range containers {
		list[i] = c.ID
	}
	return list
}
