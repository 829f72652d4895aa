package realkafka

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// startZooKeeper starts the one ZooKeeper of an old cluster.
func (c *Cluster) startZooKeeper(ctx context.Context) error {
	config := filepath.Join(c.Dir, "zookeeper.properties")
	err := writeProperties(config, map[string]string{
		"dataDir":            filepath.Join(c.Dir, "zookeeper"),
		"clientPort":         strconv.Itoa(c.zkPort),
		"clientPortAddress":  "127.0.0.1",
		"admin.enableServer": "false",
		"tickTime":           "500",
		"maxClientCnxns":     "0",
	})
	if err != nil {
		return err
	}
	args := append(c.kit.args("server", nil, nil), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), c.kit.java, args...)
	c.zk, err = launch("ZooKeeper", filepath.Join(c.Dir, "zookeeper.log"), cmd)
	if err != nil {
		return err
	}
	return c.zk.waitFor(ctx, func([]byte) bool {
		conn, err := net.DialTimeout("tcp", loopback(c.zkPort), time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

// addPasswords stores the users of a ZooKeeper-era cluster, which has no other
// way than an administrator's call.
func (c *Cluster) addPasswords(ctx context.Context) error {
	for _, u := range c.users {
		config := fmt.Sprintf("%s=[password=%s],%s=[password=%s]", SCRAM256, u.Password, SCRAM512, u.Password)
		cmd := JavaTool{}.command(ctx, c.kit, "kafka.admin.ConfigCommand", "--bootstrap-server", c.Bootstrap(),
			"--alter", "--add-config", config, "--entity-type", "users", "--entity-name", u.Name)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("adding user %s: %w\n%s", u.Name, err, out)
		}
	}
	return nil
}

// awaitMetadata waits until a ZooKeeper-era broker knows its own partitions:
// it says that it has started before the controller has told it about any.
func (c *Cluster) awaitMetadata(ctx context.Context, n *node) error {
	hosted, err := hostedPartitions(filepath.Join(n.dir, "data"))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(loopback(n.ports[Plaintext])))
	if err != nil {
		return err
	}
	defer client.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
		if err == nil && served(answer, n.id) >= hosted && len(answer.Brokers) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("broker %d does not serve its %d partitions: %w", n.id, hosted, ctx.Err())
		case <-tick.C:
		}
	}
}

// served counts the partitions with a leader and a replica on the node.
func served(answer *kmsg.MetadataResponse, id int) int {
	count := 0
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			if p.Leader >= 0 && slices.Contains(p.Replicas, int32(id)) {
				count++
			}
		}
	}
	return count
}

// partitionDir is how a broker names the directory of a live partition.
var partitionDir = regexp.MustCompile(`^[A-Za-z0-9._-]+-[0-9]+$`)

func hostedPartitions(data string) (int, error) {
	entries, err := os.ReadDir(data)
	count := 0
	for _, e := range entries {
		if e.IsDir() && partitionDir.MatchString(e.Name()) {
			count++
		}
	}
	return count, err
}
