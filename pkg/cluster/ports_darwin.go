package cluster

import (
	"os/exec"
	"strconv"
)

// portHolder asks lsof, which macOS ships. Without root it sees the user's own
// processes alone.
func portHolder(port int) (pid int, name string) {
	out, err := exec.Command("lsof", "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fpc").Output()
	if err != nil {
		return 0, ""
	}
	return parseLsof(string(out))
}
