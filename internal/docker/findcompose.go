package docker

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// findCompose finds a compose command that can be used.
func (e *Engine) findCompose(ctx context.Context) error {
	candidates := [][]string{{e.cli, "compose"}}
	if path, err := exec.LookPath("docker-compose"); err == nil {
		candidates = append(candidates, []string{path})
	}
	var refused error
	for _, argv := range candidates {
		err := e.tryCompose(ctx, argv)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var why *UnavailableError
		if refused == nil || errors.As(err, &why) && why.Reason == ReasonOldCompose {
			refused = err
		}
	}
	return refused
}

// tryCompose asks a compose command for its version and takes it or says why not.
func (e *Engine) tryCompose(ctx context.Context, argv []string) error {
	wait, cancel := context.WithTimeout(ctx, DefaultPatience)
	defer cancel()
	said, version, err := e.composeVersion(wait, argv)
	name := programName(argv[0])
	if len(argv) > 1 {
		name += " " + argv[1]
	}
	upgrade := "install Docker's compose plugin, version " + oldestCompose + " or newer"
	switch {
	case strings.Contains(said, "podman-compose"):
		return &UnavailableError{Reason: ReasonOldCompose,
			Text: name + " is podman-compose, the Python program: it does not wait for services to be healthy", Hint: upgrade}
	case err != nil && errors.Is(err, context.DeadlineExceeded):
		return &UnavailableError{Reason: ReasonSilent, Text: name + " does not answer", Hint: "see what it says: " + name + " version"}
	case err != nil || version == "":
		return &UnavailableError{Reason: ReasonNoCompose, Text: name + " is missing", Hint: upgrade}
	case strings.HasPrefix(strings.TrimPrefix(version, "v"), "1."):
		return &UnavailableError{Reason: ReasonOldCompose,
			Text: fmt.Sprintf("%s is version %s, the Python program that ended in 2023: it does not wait for services to be healthy", name, version), Hint: upgrade}
	case !atLeast(version, oldestCompose):
		return &UnavailableError{Reason: ReasonOldCompose, Text: fmt.Sprintf("%s is version %s, older than %s", name, version, oldestCompose), Hint: upgrade}
	}
	e.compose, e.version, e.json = argv, version, atLeast(version, jsonProgress)
	return nil
}

// composeVersion asks for the version. said is everything that was said, with
// who podman hands the command on to.
func (e *Engine) composeVersion(ctx context.Context, argv []string) (said, version string, err error) {
	var lines []string
	err = e.lines(ctx, func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	}, append(argv[:len(argv):len(argv)], "version", "--short")...)
	said = strings.Join(lines, "\n")
	if err != nil {
		return said, "", err
	}
	for _, line := range lines {
		if strings.HasPrefix(line, ">>>>") {
			continue // podman says who it hands the command on to
		}
		if found := versionForm.FindString(line); found != "" {
			version = strings.TrimPrefix(found, "v")
		}
	}
	return said, version, nil
}
