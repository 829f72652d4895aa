package cluster

import (
	"strconv"
	"strings"
)

// parseNetstat finds the process that listens on a port in the output of
// "netstat -ano" of Windows, 0 when there is none. The state's name is
// translated there; a listener is known by its foreign address.
func parseNetstat(out string, port int) (pid int) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(f[0], "TCP") || !strings.HasSuffix(f[1], ":"+strconv.Itoa(port)) {
			continue
		}
		if f[2] != "0.0.0.0:0" && f[2] != "[::]:0" {
			continue
		}
		if pid, err := strconv.Atoi(f[len(f)-1]); err == nil {
			return pid
		}
	}
	return 0
}

// parseLsof finds process id and name in the output of "lsof -Fpc".
func parseLsof(out string) (pid int, name string) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		switch value := line[1:]; line[0] {
		case 'p':
			if pid != 0 {
				return pid, name
			}
			pid, _ = strconv.Atoi(value) // 0 is unknown
		case 'c':
			name = value
		}
	}
	return pid, name
}
