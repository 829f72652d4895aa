package peers

import (
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

// Library is what a Java program needs beside a Kafka release.
type Library struct {
	Coordinates string // group:artifact:version, as Maven has it
	Alone       bool   // without what it depends on
}

// Program compiles a Java source file against a library, which Maven fetches once
// into the test cache, and returns the class path for realkafka.JavaTool.
func Program(t testing.TB, source string, lib Library) []string {
	t.Helper()
	for _, tool := range []string{"mvn", "javac"} {
		if _, err := exec.LookPath(tool); err != nil {
			tier.Missing(t, tool, "install a JDK of version 17 or newer and Maven (Debian: apt-get install openjdk-17-jdk-headless maven)")
		}
	}
	part := strings.Split(lib.Coordinates, ":")
	dir, err := testcache.Entry(t.Context(), "library-"+strings.Join(part[1:], "-"), func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(lib.pom()), 0o600); err != nil {
			return err
		}
		cmd := exec.CommandContext(t.Context(), "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory=libs")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("mvn: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	jars, classes := filepath.Join(dir, "libs", "*"), t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "javac", "-d", classes, "-cp", jars+string(os.PathListSeparator)+filepath.Join(realkafka.Libs(t, realkafka.Current), "*"), source).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return []string{classes, jars}
}

func (l Library) pom() string {
	part := strings.Split(l.Coordinates, ":")
	without := ""
	if l.Alone {
		without = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
	}
	return fmt.Sprintf(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>manage-kafka</groupId><artifactId>test-library</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>%s</dependency>
  </dependencies>
</project>
`, part[0], part[1], part[2], without)
}
