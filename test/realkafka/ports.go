package realkafka

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePorts returns n ports of 127.0.0.1 that nobody listens on. They lie below
// the range that systems hand out for outgoing connections, so that a broker
// that is down for a moment finds its port free when it comes back, and apart
// from those of the command scripts (19081 to 23400) and of the container tests
// (30000 and up), which may run beside.
func freePorts(n int) ([]int, error) {
	const low, high, tries = 24000, 30000, 1000
	var ports []int
	seen := map[int]bool{}
	for range tries {
		if len(ports) == n {
			return ports, nil
		}
		port := low + rand.IntN(high-low)
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		l.Close()
		if seen[port] {
			continue
		}
		seen[port] = true
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, low, high)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
