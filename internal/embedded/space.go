package embedded

import (
	"context"
	"fmt"
	"time"
)

// spaceInterval is how often free space is looked at: at 1 GB/s a disk loses
// the reserve of [DefaultMinFree] in this time.
const spaceInterval = 250 * time.Millisecond

// checkSpace reports [ErrLowSpace] when dir's file system has less than least bytes free.
func checkSpace(dir string, least uint64, free func(string) (uint64, error)) error {
	n, err := free(dir)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if n < least {
		return fmt.Errorf("%s: %d MB free, the broker needs %d MB: %w", dir, n>>20, least>>20, ErrLowSpace)
	}
	return nil
}

// CheckSpace reports [ErrLowSpace] when cfg's broker must not start for lack of free space.
func CheckSpace(cfg Config) error { return checkSpace(cfg.Dir, cfg.minFree(), freeSpace) }

// watchDisk returns the first error of checkSpace, or [ErrPersist] when the
// data directory was taken away, or nil when ctx ends.
func watchDisk(ctx context.Context, dir string, lock *Lock, least uint64, free func(string) (uint64, error)) error {
	tick := time.NewTicker(spaceInterval)
	defer tick.Stop()
	for {
		if !lock.Held() {
			return fmt.Errorf("%w: %s was removed or replaced while the broker ran", ErrPersist, DataDir(dir))
		}
		if err := checkSpace(dir, least, free); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
