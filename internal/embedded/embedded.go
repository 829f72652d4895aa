// Package embedded runs a Kafka broker of our own in the background: a
// supervisor process that keeps one broker process alive, with its data on
// disk. The broker process serves a schema registry too, see [regserver].
//
// Start with [Supervise], which the background process runs, [Serve], which the
// broker process below it runs, and [Dial], by which every other process asks
// the supervisor for its state or ends it. [ReadLog] reads what they logged.
//
// # What it is good for
//
// Development and CI. The broker is kfake, which speaks Kafka's protocol and
// writes every batch to disk before it answers, but does not wait for the disk
// itself: acknowledged records survive the death of the process (kill -9, a
// panic, the kernel out of memory), not the loss of power. That is also what
// Apache Kafka promises on one node with its default flush settings. Waiting
// for the disk after each batch ([kfake.SyncWrites]) makes a client that waits for each
// record twenty times slower (7,500 and 370 records a second on one disk), for
// a promise that one copy of the data cannot keep.
//
// # Two processes
//
// A panic on any goroutine ends a Go process, and kfake has goroutines that we
// cannot reach. So the broker runs in a child process of a small supervisor,
// which restarts it after a panic, writes its log, and answers on the control
// socket. Either of them dying ends both: the broker stops when its standard
// input, held by the supervisor, is closed.
//
// # Guards
//
// kfake trusts its surroundings. What stands between it and lost data is here:
// a lock on the data directory, a watch on free space, a logger that ends the
// broker before it can acknowledge what it could not write, a format file, and
// the repair of what a killed process leaves half written.
package embedded

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What callers branch on. Each is wrapped with the item it is about.
var (
	// ErrInUse is a data or project directory that another process works in.
	ErrInUse = errors.New("in use by another process")
	// ErrNotRunning is no supervisor answering for a project.
	ErrNotRunning = errors.New("not running")
	// ErrLowSpace is less free space than the broker may run with.
	ErrLowSpace = errors.New("too little free space")
	// ErrPersist is a write to the data directory that failed.
	ErrPersist = errors.New("writing to the data directory failed")
	// ErrFormat is data that this program must not open.
	ErrFormat = errors.New("data has another format")
	// ErrGaveUp is a broker that panicked more often than it is restarted.
	ErrGaveUp = errors.New("broker failed too often")
)

// DefaultMinFree is the free space, in bytes, below which the broker neither
// starts nor keeps running.
const DefaultMinFree = 256 << 20

// Config says what one project's broker serves and where its files are. The
// zero value of every field but Dir and Port works.
type Config struct {
	// Dir is the project's directory. It is made with mode 0700.
	Dir string
	// Project is its name, for logs and messages.
	Project string
	// Port is Kafka's port, on 127.0.0.1 unless Advertise opens it.
	Port int
	// RegistryPort is the schema registry's port, always on 127.0.0.1; 0 is no
	// registry.
	RegistryPort int
	// Advertise is the host that clients are told to connect to. Empty, and any
	// name of the loopback interface, keeps the port on loopback; every other
	// host makes the broker listen on all interfaces.
	Advertise string
	// Version names this build to later starts.
	Version string
	// MinFree overrides [DefaultMinFree].
	MinFree uint64
}

func (c Config) minFree() uint64 {
	if c.MinFree == 0 {
		return DefaultMinFree
	}
	return c.MinFree
}

// Endpoint is the host:port that clients on this machine connect to.
func (c Config) Endpoint() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
}

// Advertised is the host:port that the broker tells clients.
func (c Config) Advertised() string {
	if c.Advertise == "" {
		return c.Endpoint()
	}
	return net.JoinHostPort(c.Advertise, strconv.Itoa(c.Port))
}

// ListenHost is the address the broker listens on: 127.0.0.1, or 0.0.0.0
// where Advertise names more than this machine's loopback interface.
func (c Config) ListenHost() string {
	if c.Advertise == "" || strings.EqualFold(c.Advertise, "localhost") {
		return "127.0.0.1"
	}
	if ip := net.ParseIP(c.Advertise); ip != nil && ip.IsLoopback() {
		return "127.0.0.1"
	}
	return "0.0.0.0"
}

// DataDir is where topics, records, offsets and schemas lie below a project's directory.
func DataDir(dir string) string { return filepath.Join(dir, "data") }

// LogFile is the newest log file of a project; older ones are beside it.
func LogFile(dir string) string { return filepath.Join(dir, "logs", "kafka.log") }

func brokerDir(dir string) string     { return filepath.Join(DataDir(dir), "kafka") }
func runFile(dir string) string       { return filepath.Join(dir, "run.json") }
func runLockFile(dir string) string   { return filepath.Join(dir, "run.lock") }
func startLockFile(dir string) string { return filepath.Join(dir, "start.lock") }
func lastExitFile(dir string) string  { return filepath.Join(dir, "last-exit.json") }
func dataLockFile(data string) string { return filepath.Join(data, ".lock") }

// EndError is why a broker ended by itself, told by another process. It is the
// error among this package's that Kind names.
type EndError struct {
	Reason string `json:"reason"`
	Kind   string `json:"kind,omitempty"`
}

func (e *EndError) Error() string { return e.Reason }

// Is matches the error that Kind stands for.
func (e *EndError) Is(target error) bool { return e.Kind != "" && kinds()[e.Kind] == target }

func kinds() map[string]error {
	return map[string]error{
		"in-use": ErrInUse, "space": ErrLowSpace, "persist": ErrPersist, "format": ErrFormat, "gave-up": ErrGaveUp,
	}
}

// endError makes err one that can be told to another process.
func endError(err error) EndError {
	e := EndError{Reason: err.Error()}
	for name, kind := range kinds() {
		if errors.Is(err, kind) {
			e.Kind = name
		}
	}
	return e
}

// LastExit is how a project's broker ended when it ended by itself.
type LastExit struct {
	At time.Time `json:"at"`
	EndError
}

// ReadLastExit tells how the broker of the project in dir ended by itself; ok
// is false when it runs, was stopped, or was killed together with its supervisor.
func ReadLastExit(dir string) (last LastExit, ok bool) {
	return last, readJSON(lastExitFile(dir), &last) == nil
}

// Prepare makes the project's directories, private to the user.
func Prepare(dir string) error {
	for _, d := range []string{dir, DataDir(dir), filepath.Dir(LogFile(dir))} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
		// The directory may stem from elsewhere, with other rights.
		if err := os.Chmod(d, 0o700); err != nil {
			return err
		}
	}
	return nil
}
