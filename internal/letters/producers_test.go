package letters

import (
	"encoding/binary"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func be32(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func be64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

const (
	stamp     = int64(1795406037334)
	javaStack = "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n" +
		"\tat org.springframework.kafka.listener.KafkaMessageListenerContainer.invoke(KafkaMessageListenerContainer.java:2900)\n" +
		"Caused by: com.acme.orders.CardDeclinedException: card 4711 declined\n" +
		"\tat java.base/java.util.Optional.orElseThrow(Optional.java:403)\n" +
		"\tat com.acme.orders.Payments.charge(Payments.java:88)\n" +
		"\t... 12 more\n"
)

var atStamp = time.UnixMilli(stamp).UTC()

// fixtures are letters as their producers write them: header names, their
// order, the encoding of numbers, repeated headers and nulls.
func fixtures() map[string]struct {
	record kafka.Record
	want   Letter
} {
	origin := Origin{Topic: "orders", Partition: 3, Offset: 1204}
	timed := Origin{Topic: "orders", Partition: 3, Offset: 1204, Timestamp: atStamp}
	text := func(pairs ...string) []kafka.Header { return own(pairs...) }
	return map[string]struct {
		record kafka.Record
		want   Letter
	}{
		// DeadLetterPublishingRecoverer: ByteBuffer.putInt and putLong.
		"spring": {
			kafka.Record{Topic: "orders-dlt", Value: []byte(`{}`), Headers: []kafka.Header{
				{Name: "kafka_dlt-original-topic", Value: []byte("orders")},
				{Name: "kafka_dlt-original-partition", Value: be32(3)},
				{Name: "kafka_dlt-original-offset", Value: be64(1204)},
				{Name: "kafka_dlt-original-timestamp", Value: be64(stamp)},
				{Name: "kafka_dlt-original-timestamp-type", Value: []byte("CreateTime")},
				{Name: "kafka_dlt-original-consumer-group", Value: []byte("orders-svc")},
				{Name: "kafka_dlt-exception-fqcn", Value: []byte("org.springframework.kafka.listener.ListenerExecutionFailedException")},
				{Name: "kafka_dlt-exception-cause-fqcn", Value: []byte("com.acme.orders.CardDeclinedException")},
				{Name: "kafka_dlt-exception-message", Value: []byte("Listener failed; card 4711 declined")},
				{Name: "kafka_dlt-exception-stacktrace", Value: []byte(javaStack)},
			}},
			Letter{
				Format: Spring, Origin: timed, Hop: timed, Group: "orders-svc",
				Class: "org.springframework.kafka.listener.ListenerExecutionFailedException", Cause: "com.acme.orders.CardDeclinedException",
				Message: "Listener failed; card 4711 declined", Stack: javaStack,
			},
		},
		// The letter of a letter: appendOriginalHeaders repeats, the first is true.
		"spring twice": {
			kafka.Record{Topic: "orders-dlt-dlt", Headers: []kafka.Header{
				{Name: "kafka_dlt-original-topic", Value: []byte("orders")},
				{Name: "kafka_dlt-original-partition", Value: be32(3)},
				{Name: "kafka_dlt-original-offset", Value: be64(1204)},
				{Name: "kafka_dlt-original-topic", Value: []byte("orders-dlt")},
				{Name: "kafka_dlt-original-partition", Value: be32(0)},
				{Name: "kafka_dlt-original-offset", Value: be64(0)},
				{Name: "kafka_dlt-exception-fqcn", Value: []byte("java.lang.IllegalStateException")},
				{Name: "kafka_dlt-exception-message", Value: nil},
			}},
			Letter{Format: Spring, Origin: origin, Hop: Origin{Topic: "orders-dlt"}, Class: "java.lang.IllegalStateException"},
		},
		// @RetryableTopic's last stop: names without dlt-, but for the group;
		// its times are BigInteger.toByteArray.
		"spring-retry": {
			kafka.Record{Topic: "orders-dlt", Headers: []kafka.Header{
				{Name: "kafka_original-topic", Value: []byte("orders")},
				{Name: "kafka_original-partition", Value: be32(3)},
				{Name: "kafka_original-offset", Value: be64(1204)},
				{Name: "kafka_original-timestamp", Value: be64(stamp)},
				{Name: "kafka_original-timestamp-type", Value: []byte("CreateTime")},
				{Name: "kafka_dlt-original-consumer-group", Value: []byte("orders-svc")},
				{Name: "kafka_exception-fqcn", Value: []byte("java.lang.RuntimeException")},
				{Name: "kafka_exception-message", Value: []byte("boom")},
				{Name: "retry_topic-attempts", Value: be32(4)},
				{Name: "retry_topic-original-timestamp", Value: big.NewInt(stamp).Bytes()},
				{Name: "retry_topic-backoff-timestamp", Value: big.NewInt(stamp + 1000).Bytes()},
			}},
			Letter{Format: SpringRetry, Origin: timed, Hop: timed, Group: "orders-svc", Class: "java.lang.RuntimeException", Message: "boom", Attempts: 4},
		},
		"connect": {
			kafka.Record{Topic: "sink-dlq", Headers: text(
				"__connect.errors.topic", "orders", "__connect.errors.partition", "3", "__connect.errors.offset", "1204",
				"__connect.errors.connector.name", "pg-sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
				"__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter",
				"__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException",
				"__connect.errors.exception.message", "Converting byte[] to Kafka Connect data failed",
				"__connect.errors.exception.stacktrace", "org.apache.kafka.connect.errors.DataException: x\n\tat org.apache.kafka.connect.X.y(X.java:1)\nCaused by: org.apache.kafka.common.errors.SerializationException: z\n")},
			Letter{
				Format: Connect, Origin: origin, Hop: origin, Group: "connect-pg-sink", Stage: "VALUE_CONVERTER",
				Class: "org.apache.kafka.connect.errors.DataException", Message: "Converting byte[] to Kafka Connect data failed",
				Stack: "org.apache.kafka.connect.errors.DataException: x\n\tat org.apache.kafka.connect.X.y(X.java:1)\nCaused by: org.apache.kafka.common.errors.SerializationException: z\n",
			},
		},
		"streams": {
			kafka.Record{Topic: "app-dlq", Headers: append(text(
				"__streams.errors.exception", "java.lang.NullPointerException"),
				kafka.Header{Name: "__streams.errors.message", Value: nil},
				kafka.Header{Name: "__streams.errors.stacktrace", Value: []byte("java.lang.NullPointerException\n\tat com.acme.T.map(T.java:9)\n")},
				kafka.Header{Name: "__streams.errors.topic", Value: []byte("orders")},
				kafka.Header{Name: "__streams.errors.partition", Value: []byte("3")},
				kafka.Header{Name: "__streams.errors.offset", Value: []byte("1204")})},
			Letter{
				Format: Streams, Origin: origin, Hop: origin, Class: "java.lang.NullPointerException",
				Stack: "java.lang.NullPointerException\n\tat com.acme.T.map(T.java:9)\n",
			},
		},
		"streams with text": {
			kafka.Record{Topic: "app-dlq", Headers: text(
				"__streams.errors.exception", "org.apache.kafka.streams.errors.StreamsException: bad record: 7", "__streams.errors.message", "bad record: 7",
				"__streams.errors.topic", "orders", "__streams.errors.partition", "3", "__streams.errors.offset", "1204")},
			Letter{Format: Streams, Origin: origin, Hop: origin, Class: "org.apache.kafka.streams.errors.StreamsException", Message: "bad record: 7"},
		},
		// Key and value are null unless the group copies them.
		"share": {
			kafka.Record{Topic: "dlq.orders", Headers: text(
				"__dlq.errors.topic", "orders", "__dlq.errors.partition", "3", "__dlq.errors.offset", "1204",
				"__dlq.errors.group", "share-orders", "__dlq.errors.delivery.count", "5", "__dlq.errors.message", "Delivery count limit reached")},
			Letter{Format: Share, Origin: origin, Hop: origin, Group: "share-orders", Attempts: 5, Message: "Delivery count limit reached"},
		},
		"smallrye": {
			kafka.Record{Topic: "dead-letter-topic-orders", Headers: text(
				"dead-letter-exception-class-name", "java.lang.IllegalArgumentException", "dead-letter-cause-class-name", "java.time.DateTimeException",
				"dead-letter-reason", "bad date", "dead-letter-cause", "Invalid value for MonthOfYear",
				"dead-letter-topic", "orders", "dead-letter-partition", "3", "dead-letter-offset", "1204")},
			Letter{Format: SmallRye, Origin: origin, Hop: origin, Class: "java.lang.IllegalArgumentException", Cause: "java.time.DateTimeException", Message: "bad date"},
		},
		"watermill": {
			kafka.Record{Topic: "poison", Headers: text(
				"_watermill_message_uuid", "d9f1", "reason_poisoned", "cannot charge card 4711", "topic_poisoned", "orders",
				"handler_poisoned", "charge", "subscriber_poisoned", "kafka.Subscriber")},
			Letter{
				Format: Watermill, Origin: Origin{Topic: "orders", Partition: -1, Offset: -1}, Hop: Origin{Topic: "orders", Partition: -1, Offset: -1},
				Stage: "charge", Message: "cannot charge card 4711",
			},
		},
		"masstransit": {
			kafka.Record{Topic: "orders_error", Headers: text(
				"MT-Reason", "fault", "MT-Fault-ExceptionType", "System.InvalidOperationException", "MT-Fault-Message", "no stock",
				"MT-Fault-StackTrace", "   at Acme.Orders.Consumer.Consume(ConsumeContext`1 c) in /src/C.cs:line 12", "MT-Fault-Timestamp", "2026-11-23T03:13:57.3340000Z",
				"MT-Fault-ConsumerType", "Acme.Orders.Consumer", "MT-Fault-RetryCount", "3")},
			Letter{
				Format: MassTransit, Origin: nowhere(), Hop: nowhere(), Class: "System.InvalidOperationException", Message: "no stock",
				Stack: "   at Acme.Orders.Consumer.Consume(ConsumeContext`1 c) in /src/C.cs:line 12", FailedAt: time.Date(2026, 11, 23, 3, 13, 57, 334e6, time.UTC),
				Stage: "Acme.Orders.Consumer", Attempts: 3,
			},
		},
		"nservicebus": {
			kafka.Record{Topic: "error", Headers: text(
				"NServiceBus.ExceptionInfo.ExceptionType", "System.Exception", "NServiceBus.ExceptionInfo.Message", "x", "NServiceBus.FailedQ", "sales")},
			Letter{
				Format: MassTransit, Origin: Origin{Topic: "sales", Partition: -1, Offset: -1}, Hop: Origin{Topic: "sales", Partition: -1, Offset: -1},
				Class: "System.Exception", Message: "x",
			},
		},
		"node text": {
			kafka.Record{Topic: "orders.dlq", Value: []byte(`{"id":"1","data":{"error":"mine"},"error":"Order 4711 not found"}`)},
			Letter{Format: Node, Origin: Origin{Topic: "orders", Partition: -1, Offset: -1}, Hop: Origin{Topic: "orders", Partition: -1, Offset: -1}, Message: "Order 4711 not found"},
		},
		"node object": {
			kafka.Record{Topic: "orders.dlq", Value: []byte(`{"id":"1","error":{"name":"TypeError","message":"x is undefined","stack":"TypeError: x\n    at charge (/app/src/pay.js:10:5)"}}`)},
			Letter{
				Format: Node, Origin: Origin{Topic: "orders", Partition: -1, Offset: -1}, Hop: Origin{Topic: "orders", Partition: -1, Offset: -1},
				Class: "TypeError", Message: "x is undefined", Stack: "TypeError: x\n    at charge (/app/src/pay.js:10:5)",
			},
		},
		"bare": {
			kafka.Record{Topic: "orders.DLT", Value: []byte(`{"type":"order.placed","id":7,"data":{"a":1}}`), Headers: text("tenant-id", "t1")},
			Letter{
				Format: Bare, Origin: Origin{Topic: "orders", Partition: -1, Offset: -1}, Hop: Origin{Topic: "orders", Partition: -1, Offset: -1},
				Shape: `JSON "order.placed"{type,id,data}`,
			},
		},
	}
}

func TestReadEveryProducer(t *testing.T) {
	t.Parallel()
	for name, f := range fixtures() {
		if got := Read(f.record); !reflect.DeepEqual(got, f.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, f.want)
		}
	}
}

// What the fingerprint is made of differs by producer, and has to be found.
func TestFailureOfEveryProducer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"spring":      "com.acme.orders.CardDeclinedException\x00Listener failed; card <n> declined\x00com.acme.orders.Payments.charge",
		"connect":     "org.apache.kafka.common.errors.SerializationException\x00Converting byte[] to Kafka Connect data failed\x00",
		"streams":     "java.lang.NullPointerException\x00\x00com.acme.T.map",
		"smallrye":    "java.time.DateTimeException\x00bad date\x00",
		"masstransit": "System.InvalidOperationException\x00no stock\x00Acme.Orders.Consumer.Consume",
		"node object": "TypeError\x00x is undefined\x00charge",
		"bare":        "no error\x00\x00JSON \"order.placed\"{type,id,data}",
	} {
		if got := string(Read(fixtures()[name].record).AppendFailure(nil)); got != want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
}

// A replayed letter must look to every producer's consumer as it did at first:
// Spring would take old attempts for this try's, and headers would pile up.
func TestStripEveryProducer(t *testing.T) {
	t.Parallel()
	for name, f := range fixtures() {
		rest := Strip(f.record.Headers)
		var has survey
		for _, h := range rest {
			if from, p, ok := lookup(h.Name); ok && !p.origin() && p != partNone && p != partGroup {
				t.Errorf("%s: %s stays", name, h.Name)
			} else if ok && p.origin() {
				has.origin[from] = true
			}
		}
		again := Read(kafka.Record{Topic: f.record.Topic, Headers: rest})
		if again.Origin != f.want.Origin {
			t.Errorf("%s: origin %+v after stripping, was %+v", name, again.Origin, f.want.Origin)
		}
		if again.Message != "" || again.Class != "" || again.Attempts != 0 {
			t.Errorf("%s: an error is left: %+v", name, again)
		}
	}
}

// A letter of ours that was replayed and then failed in a Spring service
// tells Spring's error, not the first one, and keeps its count of replays.
func TestLatestErrorWins(t *testing.T) {
	t.Parallel()
	headers := Strip(full().Append(nil, AppendOptions{}))
	headers = append(headers, own(HeaderReplayCount, "3")...)
	headers = append(headers, fixtures()["spring"].record.Headers...)
	got := Read(kafka.Record{Topic: "orders-dlt", Headers: headers})
	if got.Format != Spring || got.ReplayCount != 3 || got.Cause != "com.acme.orders.CardDeclinedException" {
		t.Errorf("read %+v", got)
	}
}

func TestReadBounds(t *testing.T) {
	t.Parallel()
	huge := make([]byte, 1<<20)
	for i := range huge {
		huge[i] = 'x'
	}
	got := Read(kafka.Record{Headers: []kafka.Header{
		{Name: HeaderErrorMessage, Value: huge}, {Name: HeaderErrorStack, Value: huge}, {Name: HeaderGroup, Value: huge},
		{Name: HeaderOriginalPartition, Value: []byte("-7")}, {Name: HeaderOriginalOffset, Value: []byte("99999999999999999999")},
		{Name: HeaderAttempts, Value: []byte("-1")}, {Name: HeaderFailedAt, Value: []byte("9999999999999999")},
	}})
	if len(got.Message) != maxReadMessage || len(got.Stack) != maxReadStack || len(got.Group) != maxReadText {
		t.Errorf("kept %d, %d, %d bytes", len(got.Message), len(got.Stack), len(got.Group))
	}
	if got.Origin.Partition != -1 || got.Origin.Offset != -1 || got.Attempts != 0 || !got.FailedAt.IsZero() {
		t.Errorf("nonsense was taken: %+v", got)
	}
	cut := Letter{Message: string(huge[:MaxMessage-1]) + "€", Origin: nowhere()}.Append(nil, AppendOptions{})
	if len(cut) != 1 || len(cut[0].Value) != MaxMessage-1 {
		t.Errorf("a character was cut in two: %d bytes", len(cut[0].Value))
	}
}

func TestHeaderText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		h      kafka.Header
		want   string
		number bool
	}{
		{kafka.Header{Name: "x", Value: be32(7)}, "7", true},
		{kafka.Header{Name: "x", Value: be64(stamp)}, strconv.FormatInt(stamp, 10), true},
		{kafka.Header{Name: "x", Value: []byte("abcd")}, "abcd", false},
		{kafka.Header{Name: "kafka_dlt-original-partition", Value: be32(3)}, "3", true},
		{kafka.Header{Name: "__connect.errors.stage", Value: []byte("\x00abc")}, "\x00abc", false},
		{kafka.Header{Name: "x", Value: []byte{1, 2}}, "\x01\x02", false},
	} {
		if got, number := HeaderText(tc.h); got != tc.want || number != tc.number {
			t.Errorf("%s %x: %q %v", tc.h.Name, tc.h.Value, got, number)
		}
	}
}
