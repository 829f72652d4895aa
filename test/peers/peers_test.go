package peers_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func TestMain(m *testing.M) { realkafka.Main(m) }

// awkward are records that a text client would spoil.
func awkward() []peers.Record {
	header := func(k string, v []byte) peers.Header { return peers.Header{Key: []byte(k), Value: v} }
	return []peers.Record{
		{Timestamp: 1_700_000_000_001, Key: []byte("plain"), Value: []byte("value"), Headers: []peers.Header{}},
		{Timestamp: 1_700_000_000_002, Key: nil, Value: []byte("null key"), Headers: []peers.Header{}},
		{Timestamp: 1_700_000_000_003, Key: []byte{}, Value: []byte{}, Headers: []peers.Header{}},
		{Timestamp: 1_700_000_000_004, Key: []byte("tombstone"), Value: nil, Headers: []peers.Header{}},
		{Timestamp: 1_700_000_000_005, Key: []byte{0, 0xff, 0x80}, Value: []byte{0xc3, 0x28, '\n', 0}, Headers: []peers.Header{
			header("b", []byte{0, 0xff}), header("b", []byte{}), header("a", nil), header("ключ", []byte("значение")),
		}},
	}
}

func TestJavaKeepsEveryBit(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 1, 1)
	want := awkward()

	placed := peers.Write(t, conn, topic, want)
	got := peers.Dump(t, conn, topic, peers.Committed)
	digests := peers.Digests(t, conn, topic, peers.Committed)

	if len(placed) != len(want) || len(got) != len(want) || len(digests) != len(want) {
		t.Fatalf("%d written, %d dumped, %d digests, want %d each", len(placed), len(got), len(digests), len(want))
	}
	for i, w := range want {
		g := got[i]
		if placed[i].Offset != int64(i) || g.Offset != int64(i) || digests[i].Offset != int64(i) {
			t.Errorf("record %d: offsets %d, %d, %d", i, placed[i].Offset, g.Offset, digests[i].Offset)
		}
		if g.TimestampType != "CreateTime" || g.Timestamp != w.Timestamp {
			t.Errorf("record %d: timestamp %d of type %s", i, g.Timestamp, g.TimestampType)
		}
		if !same(g.Key, w.Key) || !same(g.Value, w.Value) || !slices.EqualFunc(g.Headers, w.Headers, sameHeader) {
			t.Errorf("record %d: got %+v, want %+v", i, g, w)
		}
		if d := w.Digest(); digests[i].SHA256 != d {
			t.Errorf("record %d: digest in Java %s, in Go %s", i, digests[i].SHA256, d)
		}
	}
	distinct := map[string]bool{}
	for _, d := range digests {
		distinct[d.SHA256] = true
	}
	if len(distinct) != len(want) {
		t.Errorf("%d different digests for %d different records", len(distinct), len(want))
	}
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func sameHeader(a, b peers.Header) bool { return same(a.Key, b.Key) && same(a.Value, b.Value) }

func TestAbortedTopicEndsInWhatReadersMustSkip(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 1, 1)
	peers.WriteAborted(t, conn, topic, 5, 3)

	if got := peers.Dump(t, conn, topic, peers.Committed); len(got) != 5 || string(got[4].Value) != "committed-4" {
		t.Errorf("read committed: %d records, want 5 that end with committed-4", len(got))
	}
	if got := peers.Dump(t, conn, topic, peers.Uncommitted); len(got) != 8 || string(got[7].Value) != "aborted-2" {
		t.Errorf("read uncommitted: %d records, want 8 that end with aborted-2", len(got))
	}
	if got := peers.KcatRead(t, conn, topic); len(got) != 5 {
		t.Errorf("kcat: %d records, want 5", len(got))
	}
	if got := peers.KafkaJSConsume(t, conn, topic); len(got) != 5 {
		t.Errorf("kafkajs: %d records, want 5", len(got))
	}
}

func TestCompactedTopicHasHoles(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.WriteCompacted(t, conn, topic, 10, 4)

	got := peers.Dump(t, conn, topic, peers.Committed)
	if len(got) >= 40 || len(got) < 10 {
		t.Fatalf("%d records, want fewer than the 40 written and every key", len(got))
	}
	last := map[string]string{}
	for _, r := range got {
		last[string(r.Key)] = string(r.Value)
	}
	for key := range 10 {
		if v := last[fmt.Sprintf("key-%d", key)]; v != "round-3" {
			t.Errorf("key-%d ends with %q, want round-3", key, v)
		}
	}
}

func TestPeersAgreeOnPartitions(t *testing.T) {
	const keys, partitions = 1000, 7
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	var records []peers.Record
	var lines bytes.Buffer
	for i := range keys {
		key := fmt.Sprintf("key-%d", i)
		records = append(records, peers.Record{Partition: -1, Key: []byte(key), Value: []byte("v")})
		fmt.Fprintf(&lines, "%s:v\n", key)
	}
	byKey := map[string]map[string]int32{}
	for peer, produce := range map[string]func(topic string){
		"java":    func(topic string) { peers.Write(t, conn, topic, records) },
		"kafkajs": func(topic string) { peers.KafkaJSProduce(t, conn, topic, records) },
		"kcat": func(topic string) {
			peers.KcatProduce(t, conn, topic, lines.Bytes(), "-K", ":", "-X", "topic.partitioner=murmur2_random")
		},
	} {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, partitions, 1)
		produce(topic)
		got := peers.Dump(t, conn, topic, peers.Committed)
		if len(got) != keys {
			t.Fatalf("%s: %d records, want %d", peer, len(got), keys)
		}
		byKey[peer] = map[string]int32{}
		for _, r := range got {
			byKey[peer][string(r.Key)] = r.Partition
		}
	}
	used := map[int32]bool{}
	for key, p := range byKey["java"] {
		used[p] = true
		if byKey["kafkajs"][key] != p || byKey["kcat"][key] != p {
			t.Errorf("%s: java %d, kafkajs %d, kcat %d", key, p, byKey["kafkajs"][key], byKey["kcat"][key])
		}
	}
	if len(used) != partitions {
		t.Errorf("1,000 keys use %d of %d partitions", len(used), partitions)
	}
}

func TestConsoleTools(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 2, 1, "retention.ms=60000")
	peers.ConsoleProducer(t, conn, topic, "k1:v1\n", "parse.key=true", "key.separator=:")
	if got := peers.ConsoleConsumer(t, conn, topic, 1, "print.key=true", "key.separator=="); got != "k1=v1\n" {
		t.Errorf("console consumer prints %q, want k1=v1", got)
	}
	if _, err := peers.TryTool(t, conn, peers.Topics, "--describe", "--topic", topic+"-missing"); err == nil {
		t.Error("describing a topic that is not there works")
	}
	for _, listed := range peers.KcatList(t, conn).Topics {
		if listed.Topic == topic && len(listed.Partitions) != 2 {
			t.Errorf("kcat lists %d partitions, want 2", len(listed.Partitions))
		}
	}
}

func TestKafkaJSReadsWhatItWrote(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 1, 1)
	want := awkward()[:4]
	peers.KafkaJSProduce(t, conn, topic, want)
	got := peers.KafkaJSConsume(t, conn, topic)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		if !same(got[i].Key, w.Key) || !same(got[i].Value, w.Value) || got[i].Timestamp != w.Timestamp {
			t.Errorf("record %d: got %+v, want %+v", i, got[i], w)
		}
	}
}
