package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/IBM/sarama"
)

// ParseAddresses checks a bootstrap list, whose items may themselves be lists
// joined by commas, and gives every address a port: 9092 where it has none. An
// IPv6 address with a port stands in brackets. One host has one spelling, in lower
// case. What is no address is [ErrConfig].
func ParseAddresses(list []string) ([]string, error) {
	var addrs []string
	for _, item := range list {
		for addr := range strings.SplitSeq(item, ",") {
			addr = strings.TrimSpace(addr)
			if addr == "" {
				continue
			}
			full, err := parseAddress(addr)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(addrs, full) {
				addrs = append(addrs, full)
			}
		}
	}
	if len(addrs) == 0 {
		return nil, mark(ErrConfig, fmt.Errorf("no bootstrap address given"))
	}
	return addrs, nil
}

func parseAddress(addr string) (string, error) {
	bad := mark(ErrConfig, fmt.Errorf("bootstrap address %q: want host:port", addr))
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, "9092"
		if inner, ok := strings.CutPrefix(addr, "["); ok {
			if host, ok = strings.CutSuffix(inner, "]"); !ok {
				return "", bad
			}
		}
		if strings.Contains(host, ":") && net.ParseIP(strings.Split(host, "%")[0]) == nil {
			return "", bad
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsFunc(host, noHost) {
		return "", bad
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String() // which leaves a zone as it is
	} else {
		host = strings.ToLower(host)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// noHost tells characters that no host has, so that one stands for a mistake.
func noHost(r rune) bool {
	return strings.ContainsRune("/@[]\"'\\?#=", r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// saramaConfig is the base of every connection.
func (c *Client) saramaConfig() *sarama.Config {
	conf := sarama.NewConfig()
	conf.ClientID = c.cfg.ClientID
	conf.Version = sarama.MaxVersion
	conf.Metadata.Full = false
	conf.Metadata.AllowAutoTopicCreation = false
	conf.Net.DialTimeout = c.cfg.Timeout
	conf.Net.ReadTimeout = c.requestTimeout
	conf.Net.WriteTimeout = c.requestTimeout
	conf.Net.Proxy.Enable = true
	conf.Net.Proxy.Dialer = c.dialer
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	if s := c.dialer.security; s.authenticated() {
		conf.Net.SASL.Enable = true
		conf.Net.SASL.Handshake = true
		conf.Net.SASL.Version = sarama.SASLHandshakeV1
		conf.Net.SASL.Mechanism = sarama.SASLMechanism(s.mechanism)
		conf.Net.SASL.User, conf.Net.SASL.Password = s.username, s.password
		switch s.mechanism {
		case mechanismScram256, mechanismScram512:
			conf.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{mechanism: s.mechanism} }
		case mechanismOAuth:
			conf.Net.SASL.TokenProvider = boundTokens{ctx: c.ctx, timeout: c.cfg.Timeout, source: s.token}
		}
	}
	return conf
}

// connect learns the cluster from the first address that answers.
func (c *Client) connect(addrs []string) error {
	defer c.dialer.stages.stop()
	defer c.dialer.dropSpare()
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Timeout+time.Second)
	defer cancel()
	found, errs := race(ctx, addrs, c.dialer.probe, func(p probed) { _ = p.conn.Close() })
	if err := c.ended(); err != nil {
		return err
	}
	if found.conn == nil {
		return c.dialer.explain(addrs, errs)
	}
	for i, err := range errs {
		if err != nil {
			c.dialer.shun(addrs[i], err)
		}
	}
	c.dialer.found(found)
	version, ok := release(found.known)
	if !ok {
		return &ConnectError{Addr: found.addr, Stage: StageAPIVersions, Err: errors.New("broker is older than Kafka 2.1, the oldest this client speaks to")}
	}
	c.conf = c.saramaConfig()
	c.conf.Version = version
	c.bootstrap = []string{found.addr}
	for _, addr := range addrs {
		if addr != found.addr {
			c.bootstrap = append(c.bootstrap, addr)
		}
	}
	meta, err := c.firstMetadata(ctx, found.addr)
	if err != nil {
		return err
	}
	c.id = meta.ClusterID
	if want := c.cfg.ClusterID; want != "" && want != c.id {
		return fmt.Errorf("%s: cluster id is %s, want %s: %w", found.addr, c.id, want, ErrClusterMismatch)
	}
	c.conn, err = sarama.NewClient(addrs, c.conf)
	return err
}

// ended is the error of a client whose context ended while it connected: a
// deadline that passed is a cluster that did not answer in time.
func (c *Client) ended() error {
	err := c.over()
	if errors.Is(err, context.DeadlineExceeded) {
		stage := c.dialer.stages.furthest()
		text, hint := c.dialer.timeoutCause(stage)
		return &ConnectError{Addr: strings.Join(c.cfg.Bootstrap, ","), Stage: stage, Hint: hint, Err: &connectCause{text: text, err: err}}
	}
	return err
}

// firstMetadata asks the address that answered, which is where a login fails.
func (c *Client) firstMetadata(ctx context.Context, addr string) (Metadata, error) {
	meta, err := c.askMetadata(ctx, addr, []string{})
	if err == nil {
		return meta, nil
	}
	if ended := c.ended(); ended != nil {
		return Metadata{}, ended
	}
	return Metadata{}, c.dialer.explainLogin(addr, err)
}
