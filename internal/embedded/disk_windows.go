package embedded

import "github.com/twmb/franz-go/pkg/kfake"

// dataDir has kfake keep its data in a directory. done is to be called when the
// cluster is closed.
func dataDir(dir string) (opts []kfake.Opt, done func() error, err error) { return onDisk(dir) }
