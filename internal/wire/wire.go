// Package wire hands the module's own packages the protocol client that pkg/kafka
// keeps out of its public signatures.
package wire

import "github.com/IBM/sarama"

// Conn is the sarama client behind a pkg/kafka.Client. It is owned by that
// Client: never close it. Its Config is shared; copy it before changing it.
type Conn struct {
	sarama.Client
	// Node gives an open connection to the broker with this id. It asks the
	// cluster only about a broker that is new.
	Node func(id int32) (*sarama.Broker, error)
	// ControllerNode looks up the controller and gives an open connection to it.
	ControllerNode func() (*sarama.Broker, error)
}

// ProducerConfig returns a copy of the connection's configuration that a
// producer of its own may change.
func (c Conn) ProducerConfig() *sarama.Config {
	conf := *c.Config()
	return &conf
}

// MaxDecompressedBatch bounds what one compressed batch may grow to, in bytes.
// The largest batch a broker can be set to take is 2 GiB; real ones stay far below this.
const MaxDecompressedBatch = 256 << 20

// BoundDecompression makes a batch that grows beyond [MaxDecompressedBatch] an
// error instead of memory. The library keeps the bound in a variable of the
// process that it reads without a lock: only the process's main may call this,
// before it connects to anything.
func BoundDecompression() { sarama.MaxDecompressedBatchSize = MaxDecompressedBatch }
