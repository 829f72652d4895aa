package cluster

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// PortError is [ErrPortTaken] with who listens, as far as it can be found out.
type PortError struct {
	Port    int
	Service string // what was to listen there
	PID     int    // 0 when unknown
	Process string // its name, empty when unknown
	// Container is the container that publishes the port, of compose project
	// Project where it belongs to one; empty when it is no container.
	Container, Project string
}

func (e *PortError) Error() string {
	holder := "another process"
	switch {
	case e.Container != "" && e.Project != "":
		holder = fmt.Sprintf("container %s of compose project %s", e.Container, e.Project)
	case e.Container != "":
		holder = "container " + e.Container
	case e.PID > 0 && e.Process != "":
		holder = fmt.Sprintf("%s (pid %d)", e.Process, e.PID)
	case e.PID > 0:
		holder = fmt.Sprintf("pid %d", e.PID)
	}
	return fmt.Sprintf("%s: port %d is taken by %s", e.Service, e.Port, holder)
}

// Is matches [ErrPortTaken].
func (e *PortError) Is(target error) bool { return target == ErrPortTaken }

// checkPort reports a [*PortError] when something listens on the port already.
// Binding alone does not tell everywhere: some systems let a second process
// have the loopback address of a port that another has for all addresses.
func checkPort(port int, service string) error {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	taken := false
	if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		taken = true
		_ = conn.Close()
	} else if l, err := net.Listen("tcp", addr); err == nil {
		_ = l.Close()
	} else if isAddrInUse(err) {
		taken = true
	} else {
		return fmt.Errorf("%s: port %d: %w", service, port, err)
	}
	if !taken {
		return nil
	}
	pid, name := portHolder(port)
	return &PortError{Port: port, Service: service, PID: pid, Process: name}
}
