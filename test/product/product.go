// Package product lets a test binary be the product as well, which saves building
// a second one.
package product

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

const as = "MANAGE_KAFKA_TEST_AS_PRODUCT"

// Asked tells TestMain that this process was started by [Command], and is to be
// the product: os.Exit(cmd.Main()).
func Asked() bool { return os.Getenv(as) != "" }

// Command returns a command of the product, with a home of its own. It ends with
// ctx.
func Command(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), as+"=1", "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home)
	c.Dir = home
	return c
}
