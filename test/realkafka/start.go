package realkafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// start runs a cluster that the caller closes and removes. Ports that somebody
// else takes meanwhile are exchanged for others.
func start(ctx context.Context, opts Options) (*Cluster, error) {
	if opts.Version == "" {
		opts.Version = Current
	}
	kit, err := fetch(ctx, opts.Version)
	if err != nil {
		return nil, err
	}
	return startWith(ctx, kit, opts)
}

// startWith is start with a kit that is there.
func startWith(ctx context.Context, kit kit, opts Options) (*Cluster, error) {
	const tries = 5
	var c *Cluster
	for range tries {
		var err error
		if c, err = newCluster(kit, opts); err != nil {
			return nil, err
		}
		err = c.run(ctx)
		if err == nil {
			return c, nil
		}
		c.close()
		c.release()
		if !errors.Is(err, errPortTaken) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d times in a row: %w", tries, errPortTaken)
}

// newCluster prepares directories, keys and ports; nothing runs yet but the
// token server.
func newCluster(kit kit, opts Options) (*Cluster, error) {
	if opts.Brokers == 0 {
		opts.Brokers = 1
	}
	if opts.Brokers != 1 && opts.Brokers != 3 {
		return nil, fmt.Errorf("%d brokers: a cluster has 1 or 3", opts.Brokers)
	}
	if opts.Users == nil {
		opts.Users = []User{Alice()}
	}
	dir, release, err := claimDir()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Dir: dir, opts: opts, kit: kit, release: release,
		users: append(slices.Clone(opts.Users), Admin()), zookeeper: opts.Version == ZooKeeper,
	}
	if err := c.prepare(); err != nil {
		c.close()
		c.release()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) prepare() error {
	doors := []Listener{Plaintext}
	for _, l := range c.opts.Listeners {
		if !slices.Contains(doors, l) {
			doors = append(doors, l)
		}
	}
	var err error
	if slices.ContainsFunc(doors, Listener.tls) {
		if c.PKI, err = newPKI(filepath.Join(c.Dir, "pki")); err != nil {
			return err
		}
	}
	if slices.Contains(doors, OAuth) {
		if c.zookeeper {
			return errors.New("the OAUTH listener needs a KRaft release")
		}
		if c.Tokens, err = newTokenServer(); err != nil {
			return err
		}
		if c.opts.TokenTTL != 0 {
			c.Tokens.SetLifetime(c.opts.TokenTTL)
		}
	}
	if !c.zookeeper {
		doors = append(doors, controller)
		c.id = newClusterID()
	}
	ports, err := freePorts(c.opts.Brokers*len(doors) + 1)
	if err != nil {
		return err
	}
	c.zkPort, ports = ports[0], ports[1:]
	for id := 1; id <= c.opts.Brokers; id++ {
		n := &node{id: id, ports: map[Listener]int{}, dir: filepath.Join(c.Dir, fmt.Sprintf("broker-%d", id))}
		for i, l := range doors {
			n.ports[l] = ports[i]
		}
		ports = ports[len(doors):]
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// run formats the storage and starts everything.
func (c *Cluster) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, n := range c.nodes {
		if err := os.MkdirAll(n.dir, 0o755); err != nil {
			return err
		}
		if err := writeProperties(n.config(), c.serverProperties(n)); err != nil {
			return err
		}
	}
	if c.zookeeper {
		if err := c.startZooKeeper(ctx); err != nil {
			return err
		}
	}
	all, nodeCtx := errgroup.WithContext(ctx)
	for _, n := range c.nodes {
		all.Go(func() error {
			if !c.zookeeper {
				if err := c.format(nodeCtx, n); err != nil {
					return err
				}
			}
			return c.startNode(nodeCtx, n)
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	if c.zookeeper && c.hasPasswords() {
		return c.addPasswords(ctx)
	}
	return nil
}

func (c *Cluster) hasPasswords() bool {
	return slices.ContainsFunc(c.opts.Listeners, func(l Listener) bool { return l.sasl() && l != OAuth })
}

// startNode starts a broker and waits until it serves.
func (c *Cluster) startNode(ctx context.Context, n *node) error {
	for {
		err := c.launchNode(ctx, n)
		if err == nil && c.zookeeper {
			return c.awaitMetadata(ctx, n)
		}
		// A broker that was killed is in ZooKeeper until its session expires,
		// and its successor gives up at the sight of it.
		if err == nil || !c.zookeeper || !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "NodeExists") {
			return err
		}
	}
}

func (c *Cluster) launchNode(ctx context.Context, n *node) error {
	args := append(c.kit.args("server", nil, nil), "-Xmx512m")
	if !c.opts.lasting {
		args = append(args, "-XX:TieredStopAtLevel=1")
	}
	if c.Tokens != nil {
		args = append(args, "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="+c.Tokens.KeysURL())
	}
	args = append(args, c.opts.JVM...)
	args = append(args, "kafka.Kafka", n.config())
	name := fmt.Sprintf("broker %d", n.id)
	var err error
	n.proc, err = launch(name, n.log(), exec.CommandContext(context.WithoutCancel(ctx), c.kit.java, args...))
	if err != nil {
		return err
	}
	return n.proc.waitFor(ctx, servesLine.Match)
}

// servesLine is what a broker logs, of either era, once it takes requests.
var servesLine = regexp.MustCompile(`Kafka Server started|\[KafkaServer id=\d+\] started`)

// stopNode ends broker i by SIGTERM and waits until it is gone.
func (c *Cluster) stopNode(i int) error {
	p := c.nodes[i].proc
	if err := terminate(p.proc); err != nil && p.alive() {
		return fmt.Errorf("stopping broker %d: %w", i, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(startTimeout):
		return fmt.Errorf("broker %d does not stop:\n%s", i, c.logTail(i))
	}
}

// close ends every process of the cluster.
func (c *Cluster) close() {
	for _, n := range c.nodes {
		if n.proc != nil {
			n.proc.kill()
		}
	}
	if c.zk != nil {
		c.zk.kill()
	}
	if c.Tokens != nil {
		c.Tokens.close()
	}
}

// newClusterID returns a random id as Kafka writes them: 16 bytes in base64
// for URLs, not beginning with a dash, which tools would take for a flag.
func newClusterID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	raw[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(raw[:])
}
