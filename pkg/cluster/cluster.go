// Package cluster runs a local message broker stack: it starts, stops, watches
// and describes it, on whichever runtime carries it.
//
// Start with [Open], which finds or chooses the project's runtime, then
// [Stack.Up], [Stack.Down], [Stack.Status] and [Stack.Logs]. A [Runtime] knows
// processes or containers; the Stack above it knows the project: its recorded
// state, who may start it at once, readiness by Kafka's own protocol, and the
// topics that a new stack gets.
//
// # State
//
// A project's state lies in its own directory below [StateHome], readable by
// the user alone. It outlives a stop: the next start takes runtime, ports and
// overlays from it.
package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
)

// What callers branch on. Each is wrapped with the item it is about.
var (
	// ErrNotRunning is a stack that was never started, was stopped, or died.
	ErrNotRunning = errors.New("not running")
	// ErrNotReady is a stack that did not answer in time.
	ErrNotReady = errors.New("not ready in time")
	// ErrPortTaken is a port that another process listens on; see [PortError].
	ErrPortTaken = errors.New("port is taken")
	// ErrInUse is a project or its data that another process works with.
	ErrInUse = errors.New("in use by another process")
	// ErrConflict is data of another format, or a request that contradicts
	// what runs.
	ErrConflict = errors.New("conflict")
	// ErrInvalid is a name or number that no stack can have.
	ErrInvalid = errors.New("invalid")
	// ErrNoService is a service that this runtime does not run.
	ErrNoService = errors.New("service does not run here")
	// ErrNoEngine is a container engine that cannot be used.
	ErrNoEngine = errors.New("no container engine")
)

// kindError is text that callers know by one of the errors above, without
// their words in it.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

func errorf(kind error, format string, args ...any) error {
	return &kindError{kind: kind, text: fmt.Sprintf(format, args...)}
}

// DefaultProject is the project of a command line that names none.
const DefaultProject = "manage-kafka"

// The runtimes.
const (
	RuntimeAuto     = "auto"
	RuntimeEmbedded = "embedded"
	RuntimeDocker   = "docker"
)

// The services, the same on every runtime.
const (
	ServiceKafka    = "kafka"
	ServiceRegistry = "schema-registry"
	ServiceUI       = "kafka-ui"
)

// Services lists every service that some runtime runs.
func Services() []string { return []string{ServiceKafka, ServiceRegistry, ServiceUI} }

// CheckProject reports [ErrInvalid] for a name that cannot be a project's. The
// rule is docker compose's own, since the name is the compose project's too.
func CheckProject(name string) error {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`).MatchString(name) {
		return errorf(ErrInvalid, "project %q: want 1 to 63 lower-case letters, digits, - or _, beginning with a letter or digit", name)
	}
	return nil
}

// StateHome is the directory that holds the projects' directories:
// $XDG_STATE_HOME/manage-kafka, or the platform's own place.
func StateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "manage-kafka"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "manage-kafka"), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("place for the stack's files: %w; set XDG_STATE_HOME", err)
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "manage-kafka"), nil
	case "windows":
		return filepath.Join(home, "AppData", "Local", "manage-kafka"), nil
	}
	return filepath.Join(home, ".local", "state", "manage-kafka"), nil
}

// Dir is the directory of a project's state, data and logs. It need not exist.
func Dir(project string) (string, error) {
	if err := CheckProject(project); err != nil {
		return "", err
	}
	home, err := StateHome()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, project), nil
}
