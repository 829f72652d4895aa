package realkafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/multi-tenant/manage-kafka/test/testcache"
)

// bootstrapFile is what Kafka's storage tool leaves for a node's first start,
// beside the file that says whose directory it is: the feature levels and the users.
const bootstrapFile = "bootstrap.checkpoint"

// format makes the data directory of a KRaft node, with the users' passwords. What
// the storage tool writes is the same for all nodes but for their names, so it
// runs once for each list of users, and its answer is kept in the test cache.
func (c *Cluster) format(ctx context.Context, n *node) error {
	args := []string{"format"}
	if c.hasPasswords() {
		for _, u := range c.users {
			for _, m := range []string{SCRAM256, SCRAM512} {
				args = append(args, "--add-scram", fmt.Sprintf(`%s=[name="%s",password="%s"]`, m, u.Name, u.Password))
			}
		}
	}
	name := "format-" + c.opts.Version + "-" + shortHash(append(args, c.kit.jars)...)
	made, err := testcache.Entry(ctx, name, func(dir string) error { return c.runStorageTool(ctx, n, dir, args) })
	if err != nil {
		return err
	}
	bootstrap, err := os.ReadFile(filepath.Join(made, bootstrapFile))
	if err != nil {
		return err
	}
	data := filepath.Join(n.dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, bootstrapFile), bootstrap, 0o644); err != nil {
		return err
	}
	return writeProperties(filepath.Join(data, "meta.properties"), map[string]string{
		"version": "1", "cluster.id": c.id, "node.id": fmt.Sprint(n.id), "directory.id": newClusterID(),
	})
}

// runStorageTool formats a data directory with the settings of a node and moves
// the bootstrap file into dir.
func (c *Cluster) runStorageTool(ctx context.Context, n *node, dir string, args []string) error {
	work, err := os.MkdirTemp(c.Dir, "format-")
	if err != nil {
		return err
	}
	props := c.serverProperties(n)
	props["log.dirs"] = filepath.Join(work, "data")
	config := filepath.Join(work, "server.properties")
	if err := writeProperties(config, props); err != nil {
		return err
	}
	cmd := JavaTool{}.command(ctx, c.kit, "kafka.tools.StorageTool", append(args, "-t", c.id, "-c", config)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting broker %d: %w\n%s", n.id, err, out)
	}
	bootstrap, err := os.ReadFile(filepath.Join(props["log.dirs"], bootstrapFile))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bootstrapFile), bootstrap, 0o644)
}
