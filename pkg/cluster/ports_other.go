//go:build unix && !linux && !darwin

package cluster

// portHolder is not known here.
func portHolder(int) (pid int, name string) { return 0, "" }
