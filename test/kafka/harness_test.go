package kafka_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// doors are the ways in that kcat can take, see [peers.Kcat] on SCRAM.
func doors(c *realkafka.Cluster) map[string]realkafka.Conn {
	alice := realkafka.Alice()
	return map[string]realkafka.Conn{
		"plaintext":      c.Conn(realkafka.Plaintext),
		"sasl plain":     c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.Plain),
		"ssl":            c.Conn(realkafka.SSL),
		"mtls":           c.Conn(realkafka.MTLS),
		"sasl_ssl plain": c.Conn(realkafka.SASLSSL).As(alice, realkafka.Plain),
	}
}

func TestEveryDoorLetsKcatIn(t *testing.T) {
	for name, conn := range doors(realkafka.Shared(t)) {
		t.Run(name, func(t *testing.T) {
			if m := peers.KcatList(t, conn); len(m.Brokers) != 1 || !strings.Contains(conn.Bootstrap, m.Brokers[0].Name) {
				t.Errorf("brokers are %+v, want the one at %s", m.Brokers, conn.Bootstrap)
			}
		})
	}
}

// Java is slow to start, so it tries one door of each kind.
func TestDoorsLetJavaIn(t *testing.T) {
	c := realkafka.Shared(t)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, c.Conn(realkafka.Plaintext), topic, 1, 1)
	for i, l := range []realkafka.Listener{realkafka.SASLPlaintext, realkafka.MTLS, realkafka.SASLSSL, realkafka.OAuth} {
		t.Run(string(l), func(t *testing.T) {
			placed := peers.Write(t, c.Conn(l), topic, []peers.Record{{Value: []byte(l)}})
			if len(placed) != 1 || placed[0].Offset != int64(i) {
				t.Errorf("written to %+v, want offset %d", placed, i)
			}
		})
	}
}

func TestDoorsLetKafkaJSIn(t *testing.T) {
	c := realkafka.Shared(t)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, c.Conn(realkafka.Plaintext), topic, 1, 1)
	for i, l := range []realkafka.Listener{realkafka.SASLPlaintext, realkafka.SASLSSL, realkafka.MTLS, realkafka.OAuth} {
		t.Run(string(l), func(t *testing.T) {
			peers.KafkaJSProduce(t, c.Conn(l), topic, []peers.Record{{Value: []byte(l)}})
			if got := peers.Dump(t, c.Conn(realkafka.Plaintext), topic, peers.Committed); len(got) != i+1 {
				t.Errorf("%d records, want %d", len(got), i+1)
			}
		})
	}
}

func TestDoorsKeepStrangersOut(t *testing.T) {
	t.Parallel()
	c := realkafka.Shared(t)
	wrongPassword := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	wrongPassword.User.Password = "guess"
	wrongCA := c.Conn(realkafka.SSL)
	wrongCA.CA = c.PKI.OtherCA
	noCert := c.Conn(realkafka.MTLS)
	noCert.Client = realkafka.Identity{}
	strayCert := c.Conn(realkafka.MTLS)
	strayCert.Client = c.PKI.Stray
	for name, tc := range map[string]struct {
		conn realkafka.Conn
		want string // regular expression; newer Javas send the alert that fits better
	}{
		"wrong password": {wrongPassword, "SASL authentication error"},
		"wrong CA":       {wrongCA, "certificate verify failed"},
		"no certificate": {noCert, "alert (bad certificate|certificate required)"},
		"stray":          {strayCert, "alert certificate unknown"},
		"no TLS":         {realkafka.Conn{Bootstrap: c.BootstrapFor(realkafka.SSL), Protocol: "PLAINTEXT"}, "Disconnected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := peers.Kcat(t.Context(), t, tc.conn, "-L", "-m", "2").CombinedOutput()
			if err == nil {
				t.Fatalf("kcat got in:\n%s", out)
			}
			if !regexp.MustCompile(tc.want).Match(out) {
				t.Errorf("kcat does not say %q:\n%s", tc.want, out)
			}
		})
	}
}

func TestExpiredTokenIsRefused(t *testing.T) {
	c := realkafka.Shared(t)
	good, err := c.Tokens.Token("alice", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := c.Tokens.Token("alice", -30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for token, ok := range map[string]bool{good: true, expired: false} {
		err := tryToken(t.Context(), c.Addr(0, realkafka.OAuth), token)
		if (err == nil) != ok {
			t.Errorf("good token: %v; the broker says: %v", ok, err)
		}
	}
}

func TestACLs(t *testing.T) {
	c := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	admin := c.Conn(realkafka.SASLPlaintext).As(realkafka.Admin(), realkafka.Plain)
	alice := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	peers.CreateTopic(t, admin, "orders", 1, 1)

	out, err := peers.Kcat(t.Context(), t, alice, "-L", "-t", "orders").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "authorization failed") {
		t.Fatalf("alice without rights: %v\n%s", err, out)
	}
	peers.Tool(t, admin, peers.ACLs, "--add", "--allow-principal", "User:alice", "--operation", "All", "--topic", "orders")
	peers.KcatProduce(t, alice, "orders", []byte("hello\n"))
	if got := string(peers.KcatConsume(t, admin, "orders")); got != "hello\n" {
		t.Errorf("orders holds %q", got)
	}
	deniedChanges(t, c)
}

func TestKilledBrokerKeepsItsData(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	for _, version := range []string{realkafka.Current, realkafka.ZooKeeper} {
		t.Run(version, func(t *testing.T) {
			c := realkafka.Start(t, realkafka.Options{Version: version, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
			conn := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
			peers.CreateTopic(t, conn, "orders", 1, 1)
			peers.KcatProduce(t, conn, "orders", []byte("one\ntwo\n"))

			c.Kill(0)
			if c.PID(0) != 0 {
				t.Error("the broker has a process id after its death")
			}
			if _, err := peers.Kcat(t.Context(), t, conn, "-L", "-m", "2").Output(); err == nil {
				t.Error("kcat finds the dead broker")
			}
			c.Start(0)
			if got := string(peers.KcatConsume(t, conn, "orders")); got != "one\ntwo\n" {
				t.Errorf("after the restart orders holds %q", got)
			}
		})
	}
}

func TestThreeBrokersOutliveOne(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	c := realkafka.Start(t, realkafka.Options{Brokers: 3})
	conn := c.Conn(realkafka.Plaintext)
	peers.CreateTopic(t, conn, "orders", 3, 3, "min.insync.replicas=2")
	peers.KcatProduce(t, conn, "orders", []byte("before\n"))
	c.Kill(0)
	peers.KcatProduce(t, conn, "orders", []byte("while\n"), "-X", "acks=all", "-p", "0")
	c.Start(0)
	c.Stop(1)
	got := string(peers.KcatConsume(t, conn, "orders"))
	if !strings.Contains(got, "before\n") || !strings.Contains(got, "while\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("orders holds %q, want before and while", got)
	}
}

func TestPausedBrokerIsSilent(t *testing.T) {
	c := realkafka.Start(t, realkafka.Options{Listeners: []realkafka.Listener{realkafka.Misadvertised}})
	conn := c.Conn(realkafka.Plaintext)
	c.Pause(0)
	if _, err := peers.Kcat(t.Context(), t, conn, "-L", "-m", "2").Output(); err == nil {
		t.Error("a paused broker answers")
	}
	c.Continue(0)
	if m := peers.KcatList(t, conn); len(m.Brokers) != 1 {
		t.Errorf("after the pause: %+v", m)
	}
	if m := peers.KcatList(t, c.Conn(realkafka.Misadvertised)); m.Brokers[0].Name != "127.0.0.1:1" {
		t.Errorf("the wrong listener advertises %s", m.Brokers[0].Name)
	}
}
