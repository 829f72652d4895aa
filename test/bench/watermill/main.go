// Command watermill consumes a number of records as a new group, or publishes
// them, with watermill-kafka, and tells how long that took.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "watermill:", err)
		os.Exit(1)
	}
}

// slice is how many messages one call publishes.
const slice = 1000

// run takes brokers, topic, group, count and microseconds. For publishing instead,
// the group is "publish", and the last is the bytes of a message.
func run(ctx context.Context, args []string) error {
	brokers, topic, group := strings.Split(args[0], ","), args[1], args[2]
	count, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	micros, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	if group == "publish" {
		return publish(brokers, topic, count, micros)
	}
	conf := kafka.DefaultSaramaSubscriberConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	sub, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: brokers, Unmarshaler: kafka.DefaultMarshaler{}, OverwriteSaramaConfig: conf, ConsumerGroup: group,
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	messages, err := sub.Subscribe(ctx, topic)
	if err != nil {
		return err
	}
	var began time.Time
	var used time.Duration
	n := 0
	// As its router does: a goroutine for each message.
	done := make(chan struct{}, 1024)
	go func() {
		for m := range messages {
			go func(m *message.Message) {
				if micros > 0 {
					<-time.After(time.Duration(micros) * time.Microsecond)
				}
				m.Ack()
				done <- struct{}{}
			}(m)
		}
	}()
	for range done {
		if n == 0 {
			began, used = time.Now(), cpu()
		}
		if n++; n == count {
			break
		}
	}
	report(count, time.Since(began), cpu()-used)
	return nil
}

func publish(brokers []string, topic string, count, size int) error {
	pub, err := kafka.NewPublisher(kafka.PublisherConfig{Brokers: brokers, Marshaler: kafka.DefaultMarshaler{}}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	messages := make([]*message.Message, slice)
	for i := range messages {
		messages[i] = message.NewMessage(watermill.NewUUID(), make([]byte, size))
	}
	if err := pub.Publish(topic, messages...); err != nil {
		return err
	}
	began, used := time.Now(), cpu()
	for range count / slice {
		if err := pub.Publish(topic, messages...); err != nil {
			return err
		}
	}
	report(count, time.Since(began), cpu()-used)
	return pub.Close()
}

func report(count int, wall, used time.Duration) {
	fmt.Printf("{\"records\":%d,\"wall\":%d,\"cpu\":%d}\n", count, wall, used)
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
