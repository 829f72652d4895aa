package peers

import (
	"strconv"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// Kafka's own tools, for [Tool].
const (
	Topics       = "org.apache.kafka.tools.TopicCommand"
	Groups       = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	ACLs         = "org.apache.kafka.tools.AclCommand"
	Transactions = "org.apache.kafka.tools.TransactionsCommand"
	Configs      = "kafka.admin.ConfigCommand"
)

// Tool runs one of Kafka's administration tools, which take the connection by
// --bootstrap-server and --command-config, and returns its stdout.
func Tool(t testing.TB, conn realkafka.Conn, class string, args ...string) string {
	t.Helper()
	out, err := TryTool(t, conn, class, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryTool is [Tool] for calls that may fail. The error holds what the tool
// wrote on stderr.
func TryTool(t testing.TB, conn realkafka.Conn, class string, args ...string) (string, error) {
	t.Helper()
	all := append([]string{"--bootstrap-server", conn.Bootstrap, "--command-config", propertiesFile(t, conn)}, args...)
	out, err := output(realkafka.JavaTool{JVM: jvmFor(conn)}.Command(deadline(t), t, class, all...))
	return string(out), err
}

// CreateTopic makes a topic and returns when its leaders serve it. Configs are
// key=value. Through a door that asks for anything it is Kafka's own tool that makes
// it, elsewhere a request without a JVM.
func CreateTopic(t testing.TB, conn realkafka.Conn, topic string, partitions, replicas int, configs ...string) {
	t.Helper()
	if conn.Protocol == "PLAINTEXT" {
		requestTopic(t, conn.Bootstrap, topic, partitions, replicas, configs)
		return
	}
	args := []string{"--create", "--topic", topic,
		"--partitions", strconv.Itoa(partitions), "--replication-factor", strconv.Itoa(replicas)}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	Tool(t, conn, Topics, args...)
}

// ConsoleProducer sends each line of input with Kafka's console producer.
// Properties are the line reader's, such as parse.key=true.
func ConsoleProducer(t testing.TB, conn realkafka.Conn, topic, input string, properties ...string) {
	t.Helper()
	args := []string{"--bootstrap-server", conn.Bootstrap, "--command-config", propertiesFile(t, conn), "--topic", topic}
	for _, p := range properties {
		args = append(args, "--reader-property", p)
	}
	cmd := realkafka.JavaTool{JVM: jvmFor(conn)}.Command(deadline(t), t, "org.apache.kafka.tools.ConsoleProducer", args...)
	cmd.Stdin = strings.NewReader(input)
	mustOutput(t, cmd)
}

// ConsoleConsumer reads count records from the beginning with Kafka's console
// consumer and returns what it prints, a line each. Properties are the
// formatter's, such as print.key=true. The test fails when fewer come.
func ConsoleConsumer(t testing.TB, conn realkafka.Conn, topic string, count int, properties ...string) string {
	t.Helper()
	args := []string{"--bootstrap-server", conn.Bootstrap, "--command-config", propertiesFile(t, conn), "--topic", topic,
		"--from-beginning", "--max-messages", strconv.Itoa(count), "--timeout-ms", "60000"}
	for _, p := range properties {
		args = append(args, "--formatter-property", p)
	}
	cmd := realkafka.JavaTool{JVM: jvmFor(conn)}.Command(deadline(t), t, "org.apache.kafka.tools.consumer.ConsoleConsumer", args...)
	return string(mustOutput(t, cmd))
}
