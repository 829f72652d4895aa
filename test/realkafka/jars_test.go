package realkafka_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// TestJars fetches what the other tests run and makes the archives from which it
// starts; test/setup/kafka.sh calls it first.
func TestJars(t *testing.T) {
	for _, version := range []string{realkafka.Current, realkafka.ZooKeeper} {
		jar := filepath.Join(realkafka.Libs(t, version), "kafka_2.13-"+version+".jar")
		if info, err := os.Stat(jar); err != nil || info.Size() < 1<<20 {
			t.Errorf("%s: %v", jar, err)
		}
	}
}
