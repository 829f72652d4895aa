package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// State is what is recorded of a project between commands.
type State struct {
	Project    string   `json:"project"`
	Runtime    string   `json:"runtime"`
	PortOffset int      `json:"port_offset"`
	Overlays   []string `json:"overlays"`
	// Advertise is the host that clients are told instead of 127.0.0.1.
	Advertise string `json:"advertise,omitempty"`
	// ClusterID is the cluster id that was asked for, empty when none was.
	ClusterID string `json:"cluster_id,omitempty"`
	// Endpoints maps a service to its address on this machine, such as
	// kafka to 127.0.0.1:9092. It is empty while the stack is stopped.
	Endpoints map[string]string `json:"endpoints"`
	// StartedAt is when the stack was last started.
	StartedAt time.Time `json:"started_at"`
}

// ErrNoState is a project that was never started, or whose data was removed.
var ErrNoState = errors.New("project has no recorded state")

// ReadState reads what is recorded of a project. It does not tell whether the
// stack still runs: a killed one leaves its endpoints. It reports [ErrNoState].
func ReadState(project string) (State, error) {
	dir, err := Dir(project)
	if err != nil {
		return State{}, err
	}
	body, err := os.ReadFile(stateFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("%s: %w", project, ErrNoState)
	}
	if err != nil {
		return State{}, err
	}
	var s State
	if err := json.Unmarshal(body, &s); err != nil {
		return State{}, fmt.Errorf("%s: %w; remove the file to begin anew", stateFile(dir), err)
	}
	s.Project = project
	return s, nil
}

func stateFile(dir string) string { return filepath.Join(dir, "state.json") }

// writeState replaces the state in one step, readable by the user alone.
func writeState(dir string, s State) error {
	if s.Overlays == nil {
		s.Overlays = []string{}
	}
	if s.Endpoints == nil {
		s.Endpoints = map[string]string{}
	}
	body, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "state.*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(body, '\n'))
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), stateFile(dir))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
