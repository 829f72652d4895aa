package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/testcache"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

//go:embed java/*.java
var sources embed.FS

// Isolation says which records of transactions a reader sees.
type Isolation string

// Isolation levels, as Kafka spells them.
const (
	Committed   Isolation = "read_committed"
	Uncommitted Isolation = "read_uncommitted"
)

// Dump reads every record of a topic up to its end, partition by partition in
// no order between them, with Kafka's own Java client.
func Dump(t testing.TB, conn realkafka.Conn, topic string, level Isolation) []Record {
	t.Helper()
	out := runJava(t, conn, nil, "Dump", topic, "full", string(level))
	return decodeLines[Record](t, out)
}

// Digests is [Dump] with a hash in place of each record's content: the cheap
// way to compare 100,000 records. [Record.Digest] gives the same hash.
func Digests(t testing.TB, conn realkafka.Conn, topic string, level Isolation) []Digest {
	t.Helper()
	out := runJava(t, conn, nil, "Dump", topic, "sha256", string(level))
	return decodeLines[Digest](t, out)
}

// Write writes records with Kafka's own Java client and returns where each
// went, in the order of records. A negative Partition leaves the choice to
// Java's default partitioner, a zero Timestamp takes the current time. Offset
// and TimestampType are not looked at.
func Write(t testing.TB, conn realkafka.Conn, topic string, records []Record) []Placed {
	t.Helper()
	out := runJava(t, conn, encodeLines(t, records), "Write", "lines", topic)
	return decodeLines[Placed](t, out)
}

// WriteAborted writes committed records in a transaction that commits, then
// aborted ones in one that aborts, into a topic that exists. Keys and values
// are committed-0, committed-1 …, aborted-0 …
func WriteAborted(t testing.TB, conn realkafka.Conn, topic string, committed, aborted int) {
	t.Helper()
	runJava(t, conn, nil, "Write", "aborted", topic, strconv.Itoa(committed), strconv.Itoa(aborted))
}

// WriteCompacted makes a compacted topic of one partition, writes the keys
// key-0, key-1 … as often as rounds says, with the values round-0, round-1 …,
// and returns once the broker has compacted part of it, so that its offsets
// have holes.
func WriteCompacted(t testing.TB, conn realkafka.Conn, topic string, keys, rounds int) {
	t.Helper()
	runJava(t, conn, nil, "Write", "compacted", topic, strconv.Itoa(keys), strconv.Itoa(rounds))
}

// runJava runs one of the programs under java/: class, connection, arguments.
func runJava(t testing.TB, conn realkafka.Conn, stdin []byte, class string, args ...string) []byte {
	t.Helper()
	ctx := deadline(t)
	tool := realkafka.JavaTool{Behind: []string{classes(t)}, JVM: jvmFor(conn)}
	cmd := tool.Command(ctx, t, class, append([]string{propertiesFile(t, conn)}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	return mustOutput(t, cmd)
}

// classes returns the directory of the compiled programs.
func classes(t testing.TB) string {
	t.Helper()
	lib := realkafka.Libs(t, realkafka.Current)
	javac, err := exec.LookPath("javac")
	if err != nil {
		tier.Missing(t, "javac", "install a JDK of version 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)")
	}
	hash := sha256.New()
	fmt.Fprintln(hash, lib)
	files, err := fs.Glob(sources, "java/*.java")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := sources.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		hash.Write(text)
	}
	entry := "peers-" + hex.EncodeToString(hash.Sum(nil)[:4])
	dir, err := testcache.Entry(t.Context(), entry, func(dir string) error {
		return compile(t.Context(), javac, lib, dir, files)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func compile(ctx context.Context, javac, lib, dir string, files []string) error {
	if err := os.CopyFS(dir, sources); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, javac, append([]string{"-d", ".", "-cp", filepath.Join(lib, "*")}, files...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("javac: %w\n%s", err, out)
	}
	return nil
}

// jvmFor returns the JVM arguments that a connection needs: since 4.0 a client
// fetches tokens only from where it is allowed to.
func jvmFor(conn realkafka.Conn) []string {
	if conn.TokenURL == "" {
		return nil
	}
	return []string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + conn.TokenURL}
}

// propertiesFile writes the connection as a client.properties file.
func propertiesFile(t testing.TB, conn realkafka.Conn) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client.properties")
	if err := conn.WriteProperties(path); err != nil {
		t.Fatal(err)
	}
	return path
}
