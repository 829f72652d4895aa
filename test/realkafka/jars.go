package realkafka

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/testcache"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// logging holds what brokers log with, and their tools, which leave stdout to
// their answer: for log4j 2, and for its predecessor in the old release.
//
//go:embed logging
var logging embed.FS

// Releases that the tests run on.
const (
	Current   = "4.3.1" // KRaft
	ZooKeeper = "3.9.2" // the last line that runs on ZooKeeper; stands for the oldest era
)

// missingTool is the name of a program that this machine lacks: a failure that
// is none of Kafka.
type missingTool string

func (m missingTool) Error() string { return string(m) + " is not on this machine" }

// copyPlugin is pinned because the plugin that an old Maven picks by itself
// does not read the poms of new artifacts.
const copyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// artifacts returns the Maven coordinates that make a broker and its tools.
func artifacts(version string) []string {
	list := []string{
		"org.apache.kafka:kafka_2.13:" + version,
		"org.apache.kafka:kafka-tools:" + version,
	}
	if version == ZooKeeper {
		return list // brings reload4j as its log writer
	}
	return append(list,
		"org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
		"com.fasterxml.jackson.dataformat:jackson-dataformat-yaml:2.21.2")
}

// Libs returns the directory with the jars of the Kafka release, fetched by
// Maven into the test cache on first use. A machine without java or mvn skips
// the test, or fails it when CI=true.
func Libs(t testing.TB, version string) string {
	t.Helper()
	k, err := fetch(t.Context(), version)
	endWithout(t, "fetching Kafka "+version, err)
	return k.jars
}

// endWithout ends the test when err says that a part is missing (a skip, see
// [tier.Missing]) or that something failed.
func endWithout(t testing.TB, doing string, err error) {
	t.Helper()
	var tool missingTool
	if errors.As(err, &tool) {
		tier.Missing(t, string(tool), howToGetTools)
	}
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

const howToGetTools = "install a JDK of version 17 or newer and Maven (Debian: apt-get install openjdk-17-jdk-headless maven)"

// kit is what it takes to run the classes of a release.
type kit struct {
	java    string // the program
	jars    string // directory
	logging string // directory
	archive string // file of classes as the JVM has them in memory; "" is none
}

// fetch returns the kit of a release, filling the test cache on first use.
func fetch(ctx context.Context, version string) (kit, error) {
	k, err := fetchBare(ctx, version)
	if err != nil {
		return kit{}, err
	}
	k.archive, err = archive(ctx, k, version)
	return k, err
}

// fetchBare is fetch without the archive, which is made by running the rest.
func fetchBare(ctx context.Context, version string) (kit, error) {
	java, err := javaPath()
	if err != nil {
		return kit{}, err
	}
	pom := renderPOM(artifacts(version))
	name := "kafka-" + version + "-" + shortHash(pom, copyPlugin)
	dir, err := testcache.Entry(ctx, name, func(dir string) error { return fetchJars(ctx, dir, pom) })
	if err != nil {
		return kit{}, err
	}
	logs, err := loggingDir(ctx)
	return kit{java: java, jars: filepath.Join(dir, "libs"), logging: logs}, err
}

func loggingDir(ctx context.Context) (string, error) {
	var all []string
	err := fs.WalkDir(logging, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := logging.ReadFile(path)
		all = append(all, path, string(text))
		return err
	})
	if err != nil {
		return "", err
	}
	dir, err := testcache.Entry(ctx, "logging-"+shortHash(all...), func(dir string) error { return os.CopyFS(dir, logging) })
	return filepath.Join(dir, "logging"), err
}

// args returns the JVM arguments for a class: who is server or tools, and
// decides where logs go; before and behind are class path entries around the jars.
// The archive holds for class paths that begin with the jars, and no others.
func (k kit) args(who string, before, behind []string) []string {
	path := slices.Concat(before, []string{filepath.Join(k.jars, "*")}, behind)
	var args []string
	if k.archive != "" && len(before) == 0 {
		args = append(args, "-XX:SharedArchiveFile="+k.archive)
	}
	return append(args,
		"-XX:+UseSerialGC",
		"-Dlog4j2.configurationFile="+filepath.Join(k.logging, who+".log4j2.xml"),
		"-Dlog4j.configuration=file:"+filepath.Join(k.logging, who+".log4j.properties"),
		"-cp", strings.Join(path, string(os.PathListSeparator)),
	)
}

// shortHash tells contents of cache entries apart.
func shortHash(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

func fetchJars(ctx context.Context, dir, pom string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return missingTool("mvn")
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", copyPlugin, "-DoutputDirectory=libs")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn copy-dependencies: %w\n%s", err, out)
	}
	jars, err := filepath.Glob(filepath.Join(dir, "libs", "*.jar"))
	if err != nil || len(jars) < 20 {
		return fmt.Errorf("mvn copied %d jars, a broker has more than 20", len(jars))
	}
	return nil
}

func renderPOM(coordinates []string) string {
	var b strings.Builder
	b.WriteString(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>manage-kafka</groupId>
  <artifactId>test-libs</artifactId>
  <version>1</version>
  <dependencies>
`)
	for _, c := range coordinates {
		part := strings.Split(c, ":")
		fmt.Fprintf(&b, "    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n",
			part[0], part[1], part[2])
	}
	b.WriteString("  </dependencies>\n</project>\n")
	return b.String()
}

func javaPath() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path := filepath.Join(home, "bin", "java")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", missingTool("java")
	}
	return path, nil
}

// JavaTool says how to run a main class of a Kafka release, or one beside it.
// The zero value runs the current release.
type JavaTool struct {
	Version   string   // "" is Current
	ClassPath []string // beside the jars of the release, before them; starts slower
	Behind    []string // beside the jars of the release, after them
	JVM       []string // more JVM arguments
}

// Command returns a command that runs the class. It is tuned for short runs:
// quick start, little memory. It is killed when ctx or the test binary ends.
func (j JavaTool) Command(ctx context.Context, t testing.TB, class string, args ...string) *exec.Cmd {
	t.Helper()
	if j.Version == "" {
		j.Version = Current
	}
	k, err := fetch(ctx, j.Version)
	endWithout(t, "fetching Kafka "+j.Version, err)
	return j.command(ctx, k, class, args...)
}

func (j JavaTool) command(ctx context.Context, k kit, class string, args ...string) *exec.Cmd {
	argv := append(k.args("tools", j.ClassPath, j.Behind), "-Xmx256m", "-XX:TieredStopAtLevel=1")
	argv = append(argv, j.JVM...)
	argv = append(argv, class)
	cmd := exec.CommandContext(ctx, k.java, append(argv, args...)...)
	cmd.SysProcAttr = dieWithParent()
	return cmd
}
