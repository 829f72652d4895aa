package product

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// RunWatched runs c and gives the most memory, in bytes, that it was seen to
// have resident; 0 where the system has no /proc. The kernel's figure for an
// ended process is no use here: it begins with what the process that started
// it had resident, which in this test binary is much.
func RunWatched(c *exec.Cmd) (int64, error) {
	if err := c.Start(); err != nil {
		return 0, err
	}
	ended, watched := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, peakResident(c.Process.Pid))
			select {
			case <-tick.C:
			case <-ended:
				watched <- most
				return
			}
		}
	}()
	err := c.Wait()
	close(ended)
	return <-watched, err
}

// peakResident reads the kernel's high-water mark of a living process.
func peakResident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == "VmHWM:" {
			kb, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return kb << 10
		}
	}
	return 0
}
