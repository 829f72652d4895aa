package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxRequest is the largest request that is read, as socket.request.max.bytes of Apache Kafka.
const maxRequest = 100 << 20

// advertised is the address that the broker tells its clients.
type advertised string

func (advertised) Network() string  { return "tcp" }
func (a advertised) String() string { return string(a) }

// listener gives the broker guarded connections. Its address is what kfake
// advertises, which may be another than it listens on.
type listener struct {
	net.Listener
	addr   advertised
	refuse func(remote net.Addr, reason string)
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framedConn{Conn: conn, refuse: l.refuse}, nil
}

// framedConn ends a connection whose bytes are no Kafka request. kfake
// allocates whatever size a client names, up to 4 GB, and dies of an API key
// it does not know; a browser on the port is enough for the first.
type framedConn struct {
	net.Conn
	refuse func(remote net.Addr, reason string)
	head   [8]byte // size, API key and version of the request being read
	unread int     // bytes of head that Read has not given out
	left   int     // bytes of the request still on the wire
}

// Read is only ever called by one goroutine at a time.
func (c *framedConn) Read(p []byte) (int, error) {
	if c.unread == 0 && c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if c.unread > 0 {
		n := copy(p, c.head[len(c.head)-c.unread:])
		c.unread -= n
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// next reads and judges the head of the next request.
func (c *framedConn) next() error {
	if _, err := io.ReadFull(c.Conn, c.head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(c.head[:4])
	key := int16(binary.BigEndian.Uint16(c.head[4:6]))
	// The smallest request is a header without client id: key, version, correlation id.
	if size < 8 || size > maxRequest {
		return c.reject(fmt.Sprintf("request of %d bytes, not from a Kafka client or too large", size))
	}
	if kmsg.RequestForKey(key) == nil {
		return c.reject(fmt.Sprintf("unknown request type %d", key))
	}
	c.unread = len(c.head)
	c.left = int(size) - (len(c.head) - 4)
	return nil
}

func (c *framedConn) reject(reason string) error {
	c.refuse(c.RemoteAddr(), reason)
	return fmt.Errorf("%v: %s", c.RemoteAddr(), reason)
}
