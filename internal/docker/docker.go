// Package docker runs the user's own docker (or podman) and its compose plugin
// as commands. Neither's library is linked: what works by hand works here, with
// the same contexts, credentials and proxies.
//
// Start with [Find], which says why an engine cannot be used, then the methods
// of [Engine].
package docker

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnavailable is an engine that cannot be used: see [UnavailableError].
var ErrUnavailable = errors.New("container engine cannot be used")

// Reason is why an engine cannot be used.
type Reason string

// The reasons.
const (
	ReasonMissing    Reason = "missing"     // no docker and no podman
	ReasonStopped    Reason = "stopped"     // nobody listens
	ReasonSilent     Reason = "silent"      // no answer in time
	ReasonPermission Reason = "permission"  // the socket is closed to this user
	ReasonNoCompose  Reason = "no-compose"  // no compose plugin
	ReasonOldCompose Reason = "old-compose" // a compose that lacks what is needed
	ReasonRemote     Reason = "remote"      // it runs on another machine
	ReasonOther      Reason = "other"
)

// UnavailableError is an [ErrUnavailable] with the reason and the next step.
type UnavailableError struct {
	Reason Reason
	Text   string
	Hint   string
}

func (e *UnavailableError) Error() string { return e.Text }

// Is matches [ErrUnavailable].
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// CommandError is a command that failed, with the last thing it said.
type CommandError struct {
	Command string // as typed, without the values of flags
	Code    int    // its exit code, -1 when it was killed
	Text    string // what it said about the failure, of one or more lines
	// Lines are the last lines that it wrote to stderr.
	Lines []string
}

func (e *CommandError) Error() string {
	text := e.Text
	if text == "" {
		text = fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Command + ": " + text
}

// Is matches [ErrUnavailable] where the command failed because no engine answered.
func (e *CommandError) Is(target error) bool {
	return target == ErrUnavailable && engineGone(e.Text+"\n"+strings.Join(e.Lines, "\n"))
}

// engineGone tells the words of docker's client for an engine that does not
// answer, or went away in the middle.
func engineGone(text string) bool {
	for _, words := range []string{
		"Cannot connect to the Docker daemon", "Is the docker daemon running",
		"error during connect", "failed to connect to the docker API",
		"Cannot connect to Podman", "unable to connect to Podman",
		"docker.sock: connect: ", "context deadline exceeded (Client.Timeout",
		"unexpected EOF", "error reading from server: EOF",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// IsDiskFull tells whether an error says that a file system has no space left,
// the engine's own or one inside a container.
func IsDiskFull(err error) bool {
	return err != nil && DiskFullText(err.Error())
}

// DiskFullText is [IsDiskFull] for words, such as a line of a log.
func DiskFullText(text string) bool {
	return strings.Contains(strings.ToLower(text), "no space left on device")
}
