package peers

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/testcache"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// kafkaJSVersion is the release that tests run on; it has no dependencies.
const kafkaJSVersion = "2.2.4"

//go:embed js/*.js
var scripts embed.FS

// KafkaJSProduce sends records with kafkajs. A negative Partition leaves the
// choice to its default partitioner, a zero Timestamp takes the current time.
// Headers of one name come together, in the place of the first.
func KafkaJSProduce(t testing.TB, conn realkafka.Conn, topic string, records []Record) {
	t.Helper()
	runJS(t, conn, encodeLines(t, records), "produce.js", topic)
}

// KafkaJSConsume reads a topic from its beginning to its end with kafkajs, in
// a consumer group that it makes and deletes. Records of a partition come in
// order; TimestampType is not known to it.
func KafkaJSConsume(t testing.TB, conn realkafka.Conn, topic string) []Record {
	t.Helper()
	return decodeLines[Record](t, runJS(t, conn, nil, "consume.js", topic, realkafka.Name(t)))
}

func runJS(t testing.TB, conn realkafka.Conn, stdin []byte, script string, args ...string) []byte {
	t.Helper()
	modules := nodeModules(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, scripts); err != nil {
		t.Fatal(err)
	}
	argv := append([]string{filepath.Join(dir, "js", script), connectionFile(t, dir, conn)}, args...)
	cmd := exec.CommandContext(deadline(t), "node", argv...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "KAFKAJS_NO_PARTITIONER_WARNING=1", "NODE_NO_WARNINGS=1")
	cmd.Stdin = bytes.NewReader(stdin)
	return mustOutput(t, cmd)
}

// connectionFile writes what client.js reads; a file, so that no password is
// in argv.
func connectionFile(t testing.TB, dir string, conn realkafka.Conn) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"brokers":      strings.Split(conn.Bootstrap, ","),
		"mechanism":    conn.Mechanism,
		"username":     conn.User.Name,
		"password":     conn.User.Password,
		"tokenUrl":     conn.TokenURL,
		"clientId":     realkafka.TokenClient,
		"clientSecret": realkafka.TokenSecret,
		"ca":           conn.CA,
		"cert":         conn.Client.Cert,
		"key":          conn.Client.Key,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "connection.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// KafkaJSModules returns the directory that a script of another package gives
// Node as NODE_PATH to find kafkajs.
func KafkaJSModules(t testing.TB) string {
	t.Helper()
	return nodeModules(t)
}

// nodeModules returns the directory that holds kafkajs, installed by npm into
// the test cache on first use.
func nodeModules(t testing.TB) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			tier.Missing(t, tool, "install Node.js 18 or newer (Debian: apt-get install nodejs npm)")
		}
	}
	dir, err := testcache.Entry(t.Context(), "kafkajs-"+kafkaJSVersion, func(dir string) error {
		return installKafkaJS(t.Context(), dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "node_modules")
}

func installKafkaJS(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund",
		"--no-update-notifier", "kafkajs@"+kafkaJSVersion)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return nil
}
