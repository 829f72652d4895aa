package cluster

import (
	"encoding/csv"
	"errors"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/windows"
)

func isAddrInUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }

// portHolder asks netstat, the one tool that every Windows has.
func portHolder(port int) (pid int, name string) {
	out, err := exec.Command("netstat", "-ano", "-p", "tcp").Output()
	if err != nil {
		return 0, ""
	}
	pid = parseNetstat(string(out), port)
	if pid == 0 {
		return 0, ""
	}
	out, err = exec.Command("tasklist", "/fi", "PID eq "+strconv.Itoa(pid), "/fo", "csv", "/nh").Output()
	if err != nil {
		return pid, ""
	}
	if row, err := csv.NewReader(strings.NewReader(string(out))).Read(); err == nil && len(row) > 1 {
		name = row[0]
	}
	return pid, name
}
