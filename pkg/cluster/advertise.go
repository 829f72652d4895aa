package cluster

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"time"
)

// resolveTimeout bounds asking for the address of a host.
const resolveTimeout = 3 * time.Second

// checkHost reports [ErrInvalid] for what cannot be advertised: a port, a
// URL, an IPv6 address (the broker listens on IPv4).
func checkHost(host string) error {
	if host == "" || regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`).MatchString(host) {
		return nil
	}
	return errorf(ErrInvalid, "--advertise %q: want a host name or an IPv4 address, without port", host)
}

// resolves reports a host that is not known on this machine. There is one
// advertised address: commands here are sent to it too.
func resolves(ctx context.Context, host string) error {
	if host == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
		return fmt.Errorf("--advertise %s: this machine does not know the host, and the embedded runtime has one address for it and for containers: %w", host, err)
	}
	return nil
}
