package topics_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// TestCheckConfigAgreesWithKafka holds the table of settings against what
// Kafka 4.3.1's own LogConfig.validate said about each line of the file.
func TestCheckConfigAgreesWithKafka(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/kafka-4.3.1-verdicts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if len(lines) < 100 {
		t.Fatalf("%d verdicts", len(lines))
	}
	for _, line := range lines {
		settings, verdict, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("line %q", line)
		}
		if strings.HasPrefix(settings, "message.") && strings.Contains(line, "version") || strings.HasPrefix(settings, "message.down") {
			continue // of older brokers, left to them
		}
		config := map[string]string{}
		for pair := range strings.SplitSeq(settings, ";") {
			name, value, _ := strings.Cut(pair, "=")
			config[name] = value
		}
		err := topics.CheckConfig(config)
		if (err == nil) != (verdict == "ok") {
			t.Errorf("%s: Kafka says %s, got error %v", settings, verdict, err)
		}
		if err != nil && !errors.Is(err, topics.ErrInvalidConfig) {
			t.Errorf("%s: error %v is not ErrInvalidConfig", settings, err)
		}
	}
}

func TestCheckConfigHelps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"retention.mss", "1", `"retention.mss" is not a setting of Kafka's; did you mean retention.ms?`},
		{"retension.bytes", "1", "did you mean retention.bytes?"},
		{"zzz", "1", `"zzz" is not a setting of Kafka's`},
		{"retention.ms", "7d", "(7d in milliseconds is 604800000)"},
		{"segment.bytes", "10MiB", "(10MiB in bytes is 10485760)"},
		{"compression.type", "none", "want one of uncompressed, zstd, lz4, snappy, gzip, producer"},
		{"compression.gzip.level", "10", "want a whole number from 1 to 9, or -1"},
		{"min.insync.replicas", "0", "want a whole number below 2^31, at least 1"},
	} {
		err := topics.CheckConfig(map[string]string{c.name: c.value})
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s=%s: %v, want it to end in %q", c.name, c.value, err, c.want)
		}
	}
	for _, name := range []string{"confluent.value.schema.validation", "redpanda.iceberg.mode", "message.format.version"} {
		if err := topics.CheckConfig(map[string]string{name: "x"}); err != nil {
			t.Errorf("%s is for the broker to decide: %v", name, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"orders": true, "a.b_c-D9": true, "...": true, strings.Repeat("a", 249): true, "__consumer_offsets": true, "-": true,
		"": false, ".": false, "..": false, "a b": false, "a/b": false, "ä": false, "a\x00": false, "a\xff": false,
		strings.Repeat("a", 250): false, "a\n": false, "a:b": false, "a\u202eb": false,
	} {
		err := topics.CheckName(name)
		if (err == nil) != good {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
		if err != nil && !errors.Is(err, topics.ErrInvalidName) {
			t.Errorf("CheckName(%q): %v is not ErrInvalidName", name, err)
		}
	}
}

func TestCollides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{{"a.b", "a_b", true}, {"a.b", "a.b", false}, {"a.b", "a-b", false}, {"a.b", "a.bc", false}, {"._", "_.", true}} {
		if topics.Collides(c.a, c.b) != c.want {
			t.Errorf("Collides(%q, %q) = %v", c.a, c.b, !c.want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	specs := topics.Catalogue()
	if len(specs) != 12 {
		t.Fatalf("%d topics", len(specs))
	}
	for i, s := range specs {
		if err := s.Check(false); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if s.Partitions != 3 || s.Replication != 0 {
			t.Errorf("%s: %d partitions, replication %d", s.Name, s.Partitions, s.Replication)
		}
		source, queue := topics.IsDLQ(s.Name)
		want := "-1"
		if queue {
			want = "2592000000"
		}
		if queue != (i%2 == 1) || queue && s.DLQOf != source || s.Config["retention.ms"] != want {
			t.Errorf("topic %d: %+v", i, s)
		}
	}
	if q := topics.DLQ(topics.Spec{Name: "a", Config: map[string]string{"max.message.bytes": "1000"}}); q.Config["max.message.bytes"] != "66536" {
		t.Errorf("queue of a: %+v", q)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"orders", "", "..", "a b", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		bad := name == "" || name == "." || name == ".." || len(name) > 249 ||
			strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != ""
		if trimmed := strings.Trim(name, "._-"); !bad && trimmed != "" {
			for _, b := range []byte(name) {
				bad = bad || b == ' ' || b >= 0x7f || b < 0x20 || strings.IndexByte("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", b) >= 0
			}
		}
		if err := topics.CheckName(name); (err != nil) != bad {
			t.Fatalf("CheckName(%q) = %v", name, err)
		}
	})
}

func FuzzCheckConfig(f *testing.F) {
	f.Add("retention.ms", "5d")
	f.Add("cleanup.policy", "compact,")
	f.Add("min.cleanable.dirty.ratio", "0x1p-1f")
	f.Fuzz(func(t *testing.T, name, value string) {
		err := topics.CheckConfig(map[string]string{name: value})
		if err != nil && !errors.Is(err, topics.ErrInvalidConfig) {
			t.Fatalf("%q=%q: %v", name, value, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}
