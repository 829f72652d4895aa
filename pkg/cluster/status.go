package cluster

import (
	"time"
)

// Health is the state of a stack or cluster as a whole.
type Health string

// The states. A stack is up when Kafka answers and every service runs; it is
// degraded when something of it does not, or Kafka has partitions without leader.
const (
	HealthUp       Health = "up"
	HealthDegraded Health = "degraded"
	HealthStarting Health = "starting"
	HealthDown     Health = "down"
)

// Details is the part of a health check that services of the system share.
type Details struct {
	// TopicCount is the number of topics, internal ones not counted.
	TopicCount int `json:"topicCount"`
}

// Status is the health of a local stack.
type Status struct {
	Status  Health  `json:"status"`
	Details Details `json:"details"`
	// Error says why the stack is not up.
	Error      string    `json:"error,omitempty"`
	Runtime    string    `json:"runtime"`
	Project    string    `json:"project"`
	PortOffset int       `json:"port_offset"`
	ClusterID  string    `json:"cluster_id,omitempty"`
	Services   []Service `json:"services"`
	// Notes are what a user of this runtime should know, a sentence each.
	Notes []string `json:"notes,omitempty"`
}

// Service is one service of a stack.
type Service struct {
	Name  string `json:"name"`
	State string `json:"state"` // running, starting, stopping, exited, …
	// Endpoint is its address from this machine.
	Endpoint string `json:"endpoint,omitempty"`
	// ContainerEndpoint is its address from the containers of the stack.
	ContainerEndpoint string `json:"container_endpoint,omitempty"`
	// Listens is where it can be reached from, when that is more than loopback.
	Listens string     `json:"listens,omitempty"`
	PID     int        `json:"pid,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	// Restarts counts its restarts after a crash.
	Restarts int `json:"restarts,omitempty"`
	// ExitCode is that of a container that ended by itself.
	ExitCode  int    `json:"exit_code,omitempty"`
	Container string `json:"container,omitempty"`
	Image     string `json:"image,omitempty"`
	DataDir   string `json:"data_dir,omitempty"`
	Version   string `json:"version,omitempty"`
}

// Endpoints maps each service to its address from this machine.
func (s Status) Endpoints() map[string]string {
	m := map[string]string{}
	for _, svc := range s.Services {
		if svc.Endpoint != "" {
			m[svc.Name] = svc.Endpoint
		}
	}
	return m
}

// The states of a [Service] that every runtime has. A runtime may have more.
const (
	StateRunning  = "running"
	StateStarting = "starting"
	StateStopping = "stopping"
	StateExited   = "exited"
)

// alive tells a service that holds something: a process, a port, a container
// that can go on.
func (s Service) alive() bool {
	return s.State != StateExited && s.State != "created" && s.State != "dead"
}
