package eventbus

import (
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// Compression is a codec of record batches.
type Compression int

const (
	// Uncompressed is the default: kafkajs reads this and Gzip alone.
	Uncompressed Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd // Kafka 2.1 and newer (KIP-110)
)

func (c Compression) codec() sarama.CompressionCodec {
	switch c {
	case Gzip:
		return sarama.CompressionGZIP
	case Snappy:
		return sarama.CompressionSnappy
	case LZ4:
		return sarama.CompressionLZ4
	case Zstd:
		return sarama.CompressionZSTD
	}
	return sarama.CompressionNone
}

// ProduceOptions say how a Bus sends; the zero value is what the services'
// contract asks for.
type ProduceOptions struct {
	// AllowAnyTopic lets an event go to another topic than its type's. Types
	// that the catalogue does not know then pass with their envelope checked.
	AllowAnyTopic bool
	// Compression is the codec of the topics that are not in TopicCompression.
	Compression      Compression
	TopicCompression map[string]Compression
	// Timeout is how long sending is tried before the event counts as failed;
	// default 30 s. The context of a call may end its waiting sooner.
	Timeout time.Duration
	// MaxBuffered bounds the bytes of events that wait or are under way; who
	// comes when there is no room waits. Default 64 MiB, at least 8 MiB.
	MaxBuffered int64
	// Breaker says when Produce stops trying for a while.
	Breaker ProduceBreaker
}

// ProduceBreaker says when producing is refused at once with [ErrBreakerOpen]:
// services then shed load instead of piling up callers that wait for a cluster
// that is away. Only failures of the cluster count, never an invalid event or a
// canceled context, nor one that is over before the call.
type ProduceBreaker struct {
	// Off leaves the breaker out.
	Off bool
	// Failures is how many calls have to fail in a row; default 5.
	Failures int
	// Pause is how long calls are refused before one is let through to see;
	// default 10 s.
	Pause time.Duration
}

const leastBuffered = 2 * portionBytes

func (o ProduceOptions) withDefaults() ProduceOptions {
	o.Timeout = or(o.Timeout, 30*time.Second)
	o.MaxBuffered = max(or(o.MaxBuffered, 64<<20), leastBuffered)
	o.Breaker.Failures = or(o.Breaker.Failures, 5)
	o.Breaker.Pause = or(o.Breaker.Pause, 10*time.Second)
	return o
}

func (o ProduceOptions) codecOf(topic string) sarama.CompressionCodec {
	if c, ok := o.TopicCompression[topic]; ok {
		return c.codec()
	}
	return o.Compression.codec()
}

// prepareToSend makes what Produce and telemetry stand on.
func (b *Bus) prepareToSend() error {
	b.opts.Produce = b.opts.Produce.withDefaults()
	var err error
	if b.obs, err = newObserver(b.life, b.opts, b.catalogue, b.states); err != nil {
		return err
	}
	b.sender = newSender(b.life, b.client, b.opts.Produce)
	b.breaker = newProduceBreaker(b.opts.Produce.Breaker, func(state string) { b.obs.breaker("", "", state) })
	b.contracts.known = b.catalogue.Validator(events.ValidatorOptions{})
	b.contracts.anyType = map[string]*events.Validator{}
	return nil
}
