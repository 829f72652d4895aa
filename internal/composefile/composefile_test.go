package composefile_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
)

// place is a directory with an override and other files.
func place(t *testing.T, override string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if override != "" {
		files = clone(files)
		files["compose.override.yaml"] = override
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func clone(files map[string]string) map[string]string {
	c := map[string]string{}
	for name, text := range files {
		c[name] = text
	}
	return c
}

func source(dir string) composefile.Source {
	return composefile.Source{
		Project: "shop", Dir: filepath.Join(dir, "state"), Override: filepath.Join(dir, "compose.override.yaml"),
		Variables: map[string]string{"KAFKA_PORT": "9192", "KAFKA_BIND": "127.0.0.1", "KAFKA_CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw"},
		Environ:   []string{"HOME=/home/me", "AWS_SECRET_ACCESS_KEY=hunter2", "KAFKA_PORT=1", "KAFKA_IMAGE=mirror.example/kafka:4.3.1"},
	}
}

// TestInvalid holds that a broken override is refused with its file and line.
func TestInvalid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		override string
		line     string // after the file's name
		want     string
	}{
		"syntax":          {"services:\n  kafka:\n    mem_limit: 2g\n   ports: x\n", ":4:", "did not find expected key"},
		"tab":             {"services:\n\tkafka: {}\n", ":2:", "cannot start any token"},
		"key twice":       {"services:\n  kafka:\n    image: a\n    image: b\n", ":4:", "already defined"},
		"not a mapping":   {"- a\n- b\n", "", "mapping"},
		"unknown member":  {"services:\n  kafka:\n    immage: a\n", ":3:", "services.kafka.immage: compose knows no such member"},
		"unknown section": {"servces:\n  kafka: {}\n", ":1:", "servces"},
		"type of ports":   {"services:\n  kafka:\n    hostname: k\n    ports: 9092\n", ":4:", "ports"},
		"bad memory":      {"services:\n  kafka:\n    mem_limit: lots\n", ":3:", "lots"},
		"bad duration":    {"services:\n  kafka:\n    healthcheck:\n      interval: often\n", ":4:", "often"},
		"bad port":        {"services:\n  kafka:\n    ports: ['127.0.0.1:x:9092']\n", ":3:", "x"},
		"no image":        {"services:\n  kafak:\n    mem_limit: 2g\n", ":2:", "neither"},
		"no such service": {"services:\n  kafka-ui:\n    depends_on: [database]\n", ":3:", "database"},
		"no such volume":  {"services:\n  kafka:\n    volumes: ['data:/data']\n", ":3:", "data"},
		"broken variable": {"services:\n  kafka:\n    hostname: ${X\n", ":3:", "X"},
		"empty document":  {"services:\n  kafka: 7\n", ":2:", "kafka"},
		"without kafka":   {"services:\n  kafka: !reset null\n", ":2:", "kafka"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := place(t, test.override, nil)
			_, err := composefile.Load(t.Context(), source(dir))
			if !errors.Is(err, composefile.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			where := filepath.Join(dir, "compose.override.yaml") + test.line
			if text := err.Error(); !strings.HasPrefix(text, where) || !strings.Contains(text, test.want) {
				t.Errorf("got %q, want it to begin with %q and to hold %q", text, where, test.want)
			}
			if strings.Count(err.Error(), "compose.override.yaml") != 1 {
				t.Errorf("the file is named more than once: %q", err)
			}
		})
	}
}

// TestUnsafe holds that what reaches for the machine needs the user's word, by
// whichever way it comes, and passes with it.
func TestUnsafe(t *testing.T) {
	t.Parallel()
	extra := map[string]string{
		"more.yaml":     "services:\n  extra:\n    image: busybox:1.36\n    privileged: true\n",
		"sub/incl.yaml": "services:\n  extra:\n    image: busybox:1.36\n    volumes: ['/etc:/host']\n",
		"own.env":       "A=b\n",
	}
	service := func(lines string) string { return "services:\n  kafka-ui:\n    " + lines + "\n" }
	for name, test := range map[string]struct {
		override string
		line     string
		want     string
	}{
		"privileged":        {service("privileged: true"), ":3:", "privileged"},
		"host network":      {service("network_mode: host"), ":3:", "host"},
		"host pid":          {service("pid: host"), ":3:", "pid"},
		"host ipc":          {service("ipc: host"), ":3:", "ipc"},
		"host uts":          {service("uts: host"), ":3:", "uts"},
		"host users":        {service("userns_mode: host"), ":3:", "userns_mode"},
		"capability":        {service("cap_add: [SYS_ADMIN]"), ":3:", "cap_add"},
		"device":            {service("devices: ['/dev/sda:/dev/sda']"), ":3:", "devices"},
		"gpu":               {service("gpus: all"), ":3:", "gpus"},
		"deployed device":   {service("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}"), ":3:", "devices"},
		"security":          {service("security_opt: [seccomp=unconfined]"), ":3:", "seccomp"},
		"socket":            {service("volumes:\n      - a:/a\n      - /var/run/docker.sock:/var/run/docker.sock") + "volumes: {a: {}}\n", ":5:", "docker.sock"},
		"engine socket":     {service("use_api_socket: true"), ":3:", "use_api_socket"},
		"root":              {service("volumes: ['/:/host']"), ":3:", "outside"},
		"long bind":         {service("volumes:\n      - {type: bind, source: /etc, target: /host}"), ":4:", "outside"},
		"above":             {service("volumes: ['../:/host']"), ":3:", "outside"},
		"home":              {service("volumes: ['~/.ssh:/host']"), ":3:", "outside"},
		"volumes of others": {service("volumes_from: ['container:other']"), ":3:", "volumes_from"},
		"volume of others":  {service("volumes: ['x:/x']") + "volumes: {x: {external: true, name: other}}\n", ":4:", "not this project"},
		"named volume":      {service("volumes: ['x:/x']") + "volumes: {x: {name: other_data}}\n", ":4:", "not this project"},
		"volume as bind":    {service("volumes: ['x:/x']") + "volumes:\n  x:\n    driver_opts: {type: none, o: bind, device: /etc}\n", ":5:", "any directory"},
		"network of others": {service("networks: [x]") + "networks: {x: {external: true}}\n", ":4:", "not this project"},
		"host as network":   {service("networks: [x]") + "networks: {x: {driver: macvlan}}\n", ":4:", "machine"},
		"every address":     {service("ports: ['8099:8080']"), ":3:", "every address"},
		"open address":      {service("ports:\n      - {target: 8080, published: '8099', host_ip: 0.0.0.0}"), ":4:", "0.0.0.0"},
		"outer env file":    {service("env_file: /etc/hostname"), ":3:", "outside"},
		"secret file":       {service("secrets: [s]") + "secrets: {s: {file: /etc/passwd}}\n", ":4:", "outside"},
		"config file":       {service("configs: [c]") + "configs: {c: {file: /etc/passwd}}\n", ":4:", "outside"},
		"secret variable":   {service("secrets: [s]") + "secrets: {s: {environment: HOME}}\n", ":4:", "environment"},
		"environment":       {service("environment: [AWS_SECRET_ACCESS_KEY]"), ":3:", "AWS_SECRET_ACCESS_KEY"},
		"interpolation":     {service("hostname: x\n    command: ['${AWS_SECRET_ACCESS_KEY}']"), ":4:", "AWS_SECRET_ACCESS_KEY"},
		"build":             {service("build: ."), ":3:", "build"},
		"hook":              {service("post_start: [{command: [id], privileged: true, user: root}]"), ":3:", "post_start"},
		"provider":          {"services:\n  x:\n    provider: {type: whatever}\n", ":3:", "provider"},
		"log driver":        {service("logging: !override {driver: syslog, options: {syslog-address: 'tcp://192.0.2.1:514'}}"), ":3:", "syslog"},
		"extends":           {"services:\n  extra:\n    extends: {file: more.yaml, service: extra}\n", ":2:", "privileged"},
		"outer extends":     {"services:\n  extra:\n    extends: {file: /etc/hosts, service: extra}\n", ":3:", "outside"},
		"include":           {"include: [sub/incl.yaml]\n", "", "outside"},
		"outer include":     {"include:\n  - path: /etc/hosts\n", ":2:", "outside"},
		"merge key":         {"x-a: &a {privileged: true}\nservices:\n  kafka-ui:\n    <<: *a\n", ":1:", "privileged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" {
				t.Skip("paths of a Unix system")
			}
			dir := place(t, test.override, extra)
			_, err := composefile.Load(t.Context(), source(dir))
			if !errors.Is(err, composefile.ErrUnsafe) {
				t.Fatalf("got %v, want ErrUnsafe", err)
			}
			where := filepath.Join(dir, "compose.override.yaml") + test.line
			if text := err.Error(); !strings.HasPrefix(text, where) || !strings.Contains(text, test.want) {
				t.Errorf("got %q, want it to begin with %q and to hold %q", text, where, test.want)
			}
			if strings.HasPrefix(name, "outer") {
				return // not a compose file: cannot be loaded anyway
			}
			src := source(dir)
			src.AllowUnsafe = true
			stack, err := composefile.Load(t.Context(), src)
			if err != nil {
				t.Fatalf("allowed: %v", err)
			}
			if len(stack.Accepted) == 0 {
				t.Error("allowed, and not said")
			}
		})
	}
}

// TestUnsafeLinks holds that a link or a socket beside the override opens nothing.
func TestUnsafeLinks(t *testing.T) {
	t.Parallel()
	dir := place(t, "services:\n  kafka-ui:\n    volumes: ['./link/deeper:/a', './sock:/b']\n", nil)
	if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	_, err = composefile.Load(t.Context(), source(dir))
	if !errors.Is(err, composefile.ErrUnsafe) || !strings.Contains(err.Error(), "/etc/deeper lies outside") || !strings.Contains(err.Error(), "socket") {
		t.Errorf("got %v", err)
	}
}

// TestHarmless holds that what a developer needs passes, and arrives.
func TestHarmless(t *testing.T) {
	t.Parallel()
	dir := place(t, `
services:
  kafka:
    mem_limit: 2g
    environment:
      KAFKA_LOG_RETENTION_HOURS: "${HOURS}"
      PASSED:
    volumes: ['./conf:/conf:ro']
    env_file: own.env
  postgres:
    image: postgres:18.6-alpine
    ports: ['127.0.0.1:5432:5432']
    command: ["sh", "-c", "echo $$HOME"]
    volumes: ['pg:/var/lib/postgresql/data']
volumes:
  pg: {}
`, map[string]string{"own.env": "A=b\n", "conf/x": "", ".env": "HOURS=5\n"})
	src := source(dir)
	src.VolumeLabels = map[string]string{"label": "x"}
	stack, err := composefile.Load(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	text := string(stack.YAML)
	for _, want := range []string{
		`KAFKA_LOG_RETENTION_HOURS: "5"`, "A: b", "echo $$HOME", "mirror.example/kafka:4.3.1", `published: "9192"`, "label: x",
		"source: " + filepath.Join(dir, "conf"), "$$byte",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("merged file lacks %q:\n%s", want, text)
		}
	}
	for _, secret := range []string{"PASSED", "hunter2"} {
		if strings.Contains(text, secret) {
			t.Errorf("merged file holds %q", secret)
		}
	}
	if want := []string{"shop_kafka-data", "shop_pg"}; !slices.Equal(stack.Volumes, want) {
		t.Errorf("volumes %q, want %q", stack.Volumes, want)
	}
	if again, err := composefile.VolumesIn(stack.YAML); err != nil || !slices.Equal(again, stack.Volumes) {
		t.Errorf("volumes read back: %q, %v", again, err)
	}
	if got := stack.Services["kafka"].Ports; len(got) != 1 || got[0].Published != 9192 || got[0].HostIP != "127.0.0.1" {
		t.Errorf("ports %+v", got)
	}
}

// TestCarried holds that the carried files pass the rules for overrides, so
// that an override is never blamed for them.
func TestCarried(t *testing.T) {
	t.Parallel()
	for _, overlays := range [][]string{nil, composefile.Overlays()} {
		dir := place(t, "services: {}\n", nil)
		src := source(dir)
		src.Overlays = overlays
		if _, err := composefile.Load(t.Context(), src); err != nil {
			t.Errorf("with overlays %q: %v", overlays, err)
		}
		src.Override = ""
		if _, err := composefile.Load(t.Context(), src); err != nil {
			t.Errorf("with overlays %q, no override: %v", overlays, err)
		}
	}
	src := source(t.TempDir())
	src.Override, src.Overlays = "", []string{"../compose"}
	if _, err := composefile.Load(t.Context(), src); !errors.Is(err, composefile.ErrInvalid) || !strings.Contains(err.Error(), "registry-confluent") {
		t.Errorf("unknown overlay: %v", err)
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	src := source(t.TempDir())
	src.Override = ""
	stack, err := composefile.Load(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"kafka", "kafka-ui", "schema-registry"}
	for name, test := range map[string]struct {
		only, exclude, want []string
		err                 string
	}{
		"all":             {want: all},
		"only":            {only: []string{"kafka"}, want: []string{"kafka"}},
		"with needs":      {only: []string{"kafka-ui"}, want: []string{"kafka", "kafka-ui"}},
		"exclude":         {exclude: []string{"kafka-ui"}, want: []string{"kafka", "schema-registry"}},
		"needed":          {exclude: []string{"kafka"}, err: "needs it"},
		"both":            {only: []string{"kafka"}, exclude: []string{"kafka"}, err: "asked for and excluded"},
		"nothing":         {exclude: all, err: "every service is excluded"},
		"unknown":         {only: []string{"kafak"}, err: `service "kafak" is not known, there is kafka, kafka-ui, schema-registry`},
		"unknown exclude": {exclude: []string{"x"}, err: "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stack.Select(test.only, test.exclude)
			if test.err != "" {
				if !errors.Is(err, composefile.ErrInvalid) || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "invalid compose project") {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestFindOverride(t *testing.T) {
	t.Parallel()
	if path, _ := composefile.FindOverride(place(t, "", nil)); path != "" {
		t.Errorf("found %s in an empty directory", path)
	}
	dir := place(t, "services: {}\n", nil)
	if path, own := composefile.FindOverride(dir); path != filepath.Join(dir, "compose.override.yaml") || own {
		t.Errorf("found %s, %v", path, own)
	}
	if _, own := composefile.FindOverride(place(t, "services: {}\n", map[string]string{"docker-compose.yml": ""})); !own {
		t.Error("another project's override is taken for this stack's")
	}
}

// TestUnsafeInDepth holds that files outside are not read by way of others inside
// either: what they hold, as in another project's secrets, would be in a container.
func TestUnsafeInDepth(t *testing.T) {
	t.Parallel()
	secret := place(t, "", map[string]string{
		"secret.env": "SECRET=hunter2\n",
		"other.yaml": "services:\n  db:\n    image: busybox:1.36\n    environment: {SECRET: hunter2}\n",
	})
	service := "services:\n  extra:\n    image: busybox:1.36\n    environment: {SENT: \"${SECRET:-}\"}\n"
	for name, test := range map[string]struct {
		override string
		files    map[string]string
		link     string // to the secrets
		want     string
	}{
		"env file of an include in an include": {"include: [a.yaml]\n", map[string]string{
			"a.yaml": "include:\n  - path: b.yaml\n    env_file: " + secret + "/secret.env\n", "b.yaml": service,
		}, "", "lies outside"},
		"extends in an include": {"include: [a.yaml]\n", map[string]string{
			"a.yaml": "services:\n  extra:\n    extends: {file: " + secret + "/other.yaml, service: db}\n",
		}, "", "lies outside"},
		"extends in an extended file": {"services:\n  extra:\n    extends: {file: a.yaml, service: mid}\n", map[string]string{
			"a.yaml": "services:\n  mid:\n    extends: {file: " + secret + "/other.yaml, service: db}\n",
		}, "", "lies outside"},
		"a link beside the override": {service, nil, ".env", "lies outside"},
		"a link beside an include":   {"include: [sub/a.yaml]\n", map[string]string{"sub/a.yaml": service}, "sub/.env", "lies outside"},
		"extends behind an anchor":   {"x-s: &s\n  extra:\n    extends: {file: " + secret + "/other.yaml, service: db}\nservices: *s\n", nil, "", "lies outside"},
		"extends behind a merge":     {"x-s: &s\n  extra:\n    extends: {file: " + secret + "/other.yaml, service: db}\nservices:\n  <<: *s\n", nil, "", "lies outside"},
		"a variable in a path":       {"include: [\"${UP}\"]\n", map[string]string{".env": "UP=" + secret + "/other.yaml\n"}, "", "has a variable in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := place(t, test.override, test.files)
			if test.link != "" {
				if err := os.Symlink(filepath.Join(secret, "secret.env"), filepath.Join(dir, test.link)); err != nil {
					t.Skip(err)
				}
			}
			stack, err := composefile.Load(t.Context(), source(dir))
			if !errors.Is(err, composefile.ErrUnsafe) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrUnsafe with %q", err, test.want)
			}
			if stack != nil && strings.Contains(string(stack.YAML), "hunter2") {
				t.Error("the secret is in the merged file")
			}
			src := source(dir)
			src.AllowUnsafe = true
			if stack, err = composefile.Load(t.Context(), src); err != nil || len(stack.Accepted) == 0 {
				t.Errorf("allowed: %v; or allowed, and not said", err)
			}
		})
	}
}
