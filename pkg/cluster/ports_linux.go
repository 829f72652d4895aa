package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portHolder finds who listens on a TCP port: the socket's inode in
// /proc/net/tcp, then the process that has it open. Processes of other users
// cannot be looked into without root.
func portHolder(port int) (pid int, name string) {
	inodes := map[string]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		listeners(f, port, inodes)
		_ = f.Close()
	}
	if len(inodes) == 0 {
		return 0, ""
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, ""
	}
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || !inodes[to] {
			continue
		}
		proc := filepath.Dir(filepath.Dir(fd))
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(proc, "comm"))
		if err != nil {
			return pid, ""
		}
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}

// listeners collects the sockets that listen on port from a table in the form
// of /proc/net/tcp, as links in /proc/PID/fd name them.
func listeners(table io.Reader, port int, into map[string]bool) {
	const listening = "0A"
	want := fmt.Sprintf(":%04X", port)
	for scan := bufio.NewScanner(table); scan.Scan(); {
		f := strings.Fields(scan.Text())
		if len(f) > 9 && strings.HasSuffix(f[1], want) && f[3] == listening {
			into["socket:["+f[9]+"]"] = true
		}
	}
}
