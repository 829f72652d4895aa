package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// KcatMessage is a record in kcat's JSON envelope. Keys and payloads are text
// there: what is not UTF-8 does not survive.
type KcatMessage struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"ts"`
	Headers   []string `json:"headers"` // name, value, name, value …
	Key       *string  `json:"key"`
	Payload   *string  `json:"payload"`
}

// Kcat returns a kcat command with the connection and the arguments, for
// callers that feed it, read it or interrupt it themselves.
//
// The librdkafka of Debian 12 is older than 2.6.1 and fails SCRAM on brokers
// from 4.0, which reject its doubled nonce; use PLAIN there.
func Kcat(ctx context.Context, t testing.TB, conn realkafka.Conn, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("kcat")
	if err != nil {
		tier.Missing(t, "kcat", "install it (Debian: apt-get install kcat; macOS: brew install kcat)")
	}
	argv := []string{"-F", os.DevNull, "-b", conn.Bootstrap} // not the user's own configuration file
	settings := conn.Librdkafka()
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		argv = append(argv, "-X", k+"="+settings[k])
	}
	return exec.CommandContext(ctx, path, append(argv, args...)...)
}

// KcatProduce sends input with kcat -P: a record a line, unless args say
// otherwise.
func KcatProduce(t testing.TB, conn realkafka.Conn, topic string, input []byte, args ...string) {
	t.Helper()
	cmd := Kcat(deadline(t), t, conn, append([]string{"-P", "-t", topic}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	mustOutput(t, cmd)
}

// KcatConsume reads a topic from its beginning to its end with kcat -C and
// returns what it prints; args may set a format. kcat shows committed records
// only.
func KcatConsume(t testing.TB, conn realkafka.Conn, topic string, args ...string) []byte {
	t.Helper()
	all := append([]string{"-C", "-t", topic, "-o", "beginning", "-e", "-q"}, args...)
	return mustOutput(t, Kcat(deadline(t), t, conn, all...))
}

// KcatRead is [KcatConsume] in kcat's JSON envelope.
func KcatRead(t testing.TB, conn realkafka.Conn, topic string, args ...string) []KcatMessage {
	t.Helper()
	return decodeLines[KcatMessage](t, KcatConsume(t, conn, topic, append([]string{"-J"}, args...)...))
}

// KcatMetadata is the part of kcat -L that tests look at.
type KcatMetadata struct {
	Brokers []struct {
		ID   int32  `json:"id"`
		Name string `json:"name"` // host:port as advertised
	} `json:"brokers"`
	Topics []struct {
		Topic      string `json:"topic"`
		Partitions []struct {
			Partition int32 `json:"partition"`
			Leader    int32 `json:"leader"`
			Replicas  []struct {
				ID int32 `json:"id"`
			} `json:"replicas"`
		} `json:"partitions"`
	} `json:"topics"`
}

// KcatList asks for brokers and topics with kcat -L.
func KcatList(t testing.TB, conn realkafka.Conn) KcatMetadata {
	t.Helper()
	out := mustOutput(t, Kcat(deadline(t), t, conn, "-L", "-J"))
	var m KcatMetadata
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("kcat -L -J: %v\n%s", err, out)
	}
	return m
}
