package realkafka

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// A port can be taken between the moment it was free and the broker's bind.
func TestTakenPortIsNoticed(t *testing.T) {
	tier.Real(t)
	kit, err := fetch(t.Context(), Current)
	endWithout(t, "fetching Kafka", err)
	c, err := newCluster(kit, Options{Version: Current})
	if err != nil {
		t.Fatal(err)
	}
	defer c.release()
	defer c.close()
	l, err := net.Listen("tcp", loopback(c.nodes[0].ports[Plaintext]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	if err := c.run(t.Context()); !errors.Is(err, errPortTaken) {
		t.Errorf("starting on a taken port: %v, want %v", err, errPortTaken)
	}
	if c.nodes[0].proc.alive() {
		t.Error("the broker without its port still runs")
	}
}

func TestOrphanedDirectoryIsSwept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	orphan := filepath.Join(os.TempDir(), dirPrefix+"orphan")
	if err := os.Mkdir(orphan, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan+".lock", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	mine, release, err := claimDir()
	if err != nil {
		t.Fatal(err)
	}
	other, releaseOther, err := claimDir()
	if err != nil {
		t.Fatal(err)
	}
	defer releaseOther()
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("the orphan is still there: %v", err)
	}
	for _, dir := range []string{mine, other} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("a directory in use was swept: %v", err)
		}
	}
	release()
	if left, _ := filepath.Glob(mine + "*"); len(left) != 0 {
		t.Errorf("after the release there is %v", left)
	}
}

func TestWriteProperties(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.properties")
	if err := writeProperties(path, map[string]string{"b": " a\\b\n", "a": "é😀=#!"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := "a=\\u00e9\\ud83d\\ude00=#!\nb=\\u0020a\\\\b\\u000a\n"
	if err != nil || string(got) != want {
		t.Errorf("wrote %q, %v, want %q", got, err, want)
	}
}
