package dlq_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// runbook is the page whose sessions are replayed. UPDATE_PAGES=1 writes what
// the commands say into it.
const runbook = "../../docs/on-call.md"

// mostCommands is how many commands an incident may take from the list of
// queues to the proof.
const mostCommands = 5

// session is one console block of the runbook below its heading.
type session struct {
	heading string
	from    int // line of the block's first line
	lines   []string
}

func sessions(t *testing.T) (page []string, list []session) {
	t.Helper()
	body, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	page = strings.Split(string(body), "\n")
	heading, open := "", false
	for i, line := range page {
		switch {
		case !open && strings.HasPrefix(line, "### "):
			heading = strings.TrimPrefix(line, "### ")
		case !open && line == "```console":
			open = true
			list = append(list, session{heading: heading, from: i + 1})
		case open && line == "```":
			open = false
		case open:
			s := &list[len(list)-1]
			s.lines = append(s.lines, line)
		}
	}
	return page, list
}

// TestIncidents lets each incident of the runbook happen and replays what the
// page shows, on one cluster. What is between two commands of a session in
// words, as "# the fix is deployed", happens there.
func TestIncidents(t *testing.T) {
	t.Parallel()
	cluster := realkafka.Shared(t)
	page, list := sessions(t)
	scenes := scenes()
	if len(list) != len(scenes) {
		t.Errorf("the runbook has %d sessions, want one for each of %d incidents", len(list), len(scenes))
	}
	var mu sync.Mutex
	said := map[int][]string{} // by the line where a session begins
	t.Run("all", func(t *testing.T) {
		for _, s := range list {
			set := scenes[s.heading]
			if set == nil {
				t.Errorf("nobody knows how to let %q happen", s.heading)
				continue
			}
			t.Run(s.heading, func(t *testing.T) {
				t.Parallel()
				got := replayIncident(t, cluster, s, set)
				mu.Lock()
				defer mu.Unlock()
				said[s.from] = got
			})
		}
	})
	if os.Getenv("UPDATE_PAGES") != "" && !t.Failed() {
		updatePage(t, page, list, said)
	}
}

// incident is one under way.
type incident struct {
	*bench
	topic string
	fixed atomic.Bool
	dir   string
}

func replayIncident(t *testing.T, cluster *realkafka.Cluster, s session, set func(*incident)) []string {
	conn := cluster.Conn(realkafka.Plaintext)
	client, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: strings.Split(conn.Bootstrap, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	text := strings.Join(s.lines, "\n")
	topic := lineOf(t, text, `\b([a-z]+)\.dlq\b`)
	b := &bench{t: t, conn: conn, client: client, source: topic, queue: topic + ".dlq", ledger: topic + ".ledger", partitions: 3}
	in := &incident{bench: b, topic: topic, dir: t.TempDir()}
	for _, spec := range []topics.Spec{{Name: b.source, Partitions: 3, Replication: 1}, {Name: b.queue, Partitions: 3, Replication: 1, Config: map[string]string{"retention.ms": "2592000000"}}} {
		if _, err := topics.New(client).Create(t.Context(), []topics.Spec{spec}, topics.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	b.mustRun(0, "dlq", "ledger", "init", "--ledger", b.ledger)
	set(in)
	commands := 0
	var page []string
	for i := 0; i < len(s.lines); {
		line := s.lines[i]
		i++
		if strings.HasPrefix(line, "# ") {
			in.fixed.Store(true)
			page = append(page, line)
			continue
		}
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			t.Fatalf("session line %q follows no command", line)
		}
		commands++
		var want []string
		for i < len(s.lines) && !strings.HasPrefix(s.lines[i], "$ ") && !strings.HasPrefix(s.lines[i], "# ") {
			want = append(want, s.lines[i])
			i++
		}
		in.awaitReaders(strings.Join(want, "\n"))
		out := in.shell(command)
		if os.Getenv("UPDATE_PAGES") == "" && steady(out) != steady(strings.Join(want, "\n")) {
			t.Errorf("%s\nshows\n%s\nthe run gave\n%s", command, steady(strings.Join(want, "\n")), steady(out))
		}
		page = append(page, line)
		page = append(page, strings.Split(strings.TrimRight(out, "\n"), "\n")...)
		proof := regexp.MustCompile(`(?m)^run \S+: (\d+) replayed: (\d+) passed$`).FindStringSubmatch(out)
		if i == len(s.lines) && (proof == nil || proof[1] != proof[2]) {
			t.Errorf("the last command does not prove that the letters passed:\n%s", out)
		}
	}
	if t.Failed() {
		t.Logf("the session was\n%s", strings.Join(page, "\n"))
	}
	if commands > mostCommands {
		t.Errorf("%d commands, want at most %d", commands, mostCommands)
	}
	return page
}

// awaitReaders waits for the services that a command is going to name as readers of
// the topic: they commit when they come to it, and a person types more slowly.
func (in *incident) awaitReaders(shown string) {
	in.t.Helper()
	found := regexp.MustCompile(`, read by ([a-z-]+)`).FindStringSubmatch(shown)
	if found == nil {
		return
	}
	admin := in.admin()
	defer admin.Close()
	if !await(in.t, time.Minute, func() bool {
		res, err := admin.ListConsumerGroupOffsets(found[1], map[string][]int32{in.source: {0, 1, 2}})
		if err != nil {
			return false
		}
		return slices.ContainsFunc([]int32{0, 1, 2}, func(p int32) bool {
			b := res.GetBlock(in.source, p)
			return b != nil && b.Offset >= 0
		})
	}) {
		in.t.Fatalf("%s has committed nothing of %s", found[1], in.source)
	}
}

// shell runs one command as the person on call types it.
func (in *incident) shell(command string) string {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 2*time.Minute)
	defer cancel()
	self := product.Command(ctx, in.t)
	bin := filepath.Join(in.dir, "manage-kafka")
	if _, err := os.Lstat(bin); err != nil {
		if err := os.Symlink(self.Path, bin); err != nil {
			in.t.Fatal(err)
		}
	}
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Dir = in.dir
	c.Env = append(self.Env, "PATH="+in.dir+string(os.PathListSeparator)+os.Getenv("PATH"), "KAFKA_BROKERS="+in.conn.Bootstrap,
		"MANAGE_KAFKA_LEDGER="+in.ledger, "MANAGE_KAFKA_SETTLE=1s", "MANAGE_KAFKA_OPERATOR=ada")
	out, err := c.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "error: ") {
		in.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	// What only this machine has.
	host, _ := os.Hostname()
	text := strings.NewReplacer(in.conn.Bootstrap, "kafka-1:9092", "@"+host, "@laptop").Replace(string(out))
	// How far a group is while somebody watches is told as often as it changes.
	var kept []string
	for line := range strings.Lines(text) {
		if !regexp.MustCompile(`^\d+ replayed: |^canary: .* not yet reached`).MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// steady makes two runs of a session comparable.
func steady(text string) string {
	for _, r := range []struct{ from, to string }{
		{`[0-9A-HJKMNP-TV-Z]{26}`, "RUN"},
		{`cluster [A-Za-z0-9_-]{22}`, "cluster ID"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"},
		{`\d+@\d+`, "P@O"},
		{`\b\d+ [dhms] \d+ [hms]\b`, "SPAN"},
		{`in [\d.]+ s \([\d,]+/s\)`, "in SPEED"},
		{`\d[\d,.]*/h\b`, "RATE"},
		{`[\d.]+ ?(ms|s|m)\b`, "SPAN"},
		{`producer \d+`, "producer N"},
		{`\b[0-9a-f]{8}([0-9a-f]{24})?\b`, "ID"},
		{`\d[\d,.]*`, "N"},
		{`[ \t]+`, " "},
	} {
		text = regexp.MustCompile(r.from).ReplaceAllString(text, r.to)
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "sample ") || strings.HasPrefix(line, "from ") || strings.HasPrefix(line, "canary: ") {
			continue // which letters, how they lie, and how far they are
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func updatePage(t *testing.T, page []string, list []session, said map[int][]string) {
	t.Helper()
	for _, s := range slices.Backward(list) {
		page = slices.Replace(page, s.from, s.from+len(s.lines), said[s.from]...)
	}
	if err := os.WriteFile(runbook, []byte(strings.Join(page, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scenes let each incident of the runbook happen, by its heading.
func scenes() map[string]func(*incident) {
	return map[string]func(*incident){
		"Poison after a deploy":            poison,
		"A schema change":                  schemaChange,
		"A dependency down for an hour":    dependencyDown,
		"One tenant's bad data":            badTenant,
		"Letters that are too large":       oversize,
		"Letters that are about to expire": expiring,
		"A replay that fails again":        failsAgain,
		"A stuck transaction":              stuck,
	}
}

// letters writes n letters of one failure.
func (in *incident) letters(n int, group string, fail failure, value func(i int) string, headers ...kafka.Header) {
	in.t.Helper()
	in.lettersAt(time.Now().Add(-10*time.Minute), n, group, fail, value, headers...)
}

func (in *incident) lettersAt(at time.Time, n int, group string, fail failure, value func(i int) string, headers ...kafka.Header) {
	in.t.Helper()
	p, err := txn.Acquire(in.t.Context(), in.client, txn.Options{ID: in.queue + "-filler"})
	if err != nil {
		in.t.Fatal(err)
	}
	defer p.Close()
	var w txn.Write
	for i := range n {
		part := int32(i % 3)
		l := letters.Letter{
			Origin: letters.Origin{Topic: in.source, Partition: part, Offset: int64(5000 + i), Timestamp: at},
			Group:  group, Class: fail.class, Message: strings.Replace(fail.message, "%d", strconv.Itoa(7000+i), 1), Attempts: 4, FailedAt: at.Add(time.Duration(i) * time.Second),
		}
		w.Records = append(w.Records, kafka.Record{
			Topic: in.queue, Partition: part, Timestamp: at.Add(time.Duration(i) * time.Second), Key: fmt.Appendf(nil, "%s-%d", in.topic, 7000+i), Value: []byte(value(i)),
			Headers: l.Append(headers, letters.AppendOptions{}),
		})
	}
	before := in.count(in.queue)
	if _, err := p.Commit(in.t.Context(), w); err != nil {
		in.t.Fatal(err)
	}
	// The broker writes the marks of a commit after it has answered.
	for deadline := time.Now().Add(30 * time.Second); in.count(in.queue) < before+n; {
		if time.Now().After(deadline) {
			in.t.Fatal("the letters do not show")
		}
	}
}

func plain(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }

func never(kafka.Record) *failure { return nil }

func poison(in *incident) {
	in.letters(40, "billing", failure{"*billing.NilCustomerError", "order %d has no customer"}, plain)
	in.letters(3, "billing", failure{"*net.OpError", "dial tcp 10.0.0.7:5432: connection refused"}, plain)
	startService(in.bench, "billing", never)
}

func schemaChange(in *incident) {
	in.letters(25, "ledger-svc", failure{"json.UnmarshalTypeError", "cannot unmarshal string into field amount of payment %d"}, func(i int) string {
		return fmt.Sprintf(`{"id":%d,"amount":"%d.50","currency":"EUR"}`, 9007199254740993+i, i)
	})
	startService(in.bench, "ledger-svc", func(r kafka.Record) *failure {
		if strings.Contains(string(r.Value), `"amount":"`) {
			return &failure{"json.UnmarshalTypeError", "cannot unmarshal string into field amount"}
		}
		return nil
	})
}

func dependencyDown(in *incident) {
	in.letters(600, "mailer", failure{"*net.OpError", "dial tcp 10.0.3.9:587: i/o timeout for message %d"}, plain)
	startService(in.bench, "mailer", never)
}

func badTenant(in *incident) {
	in.letters(12, "invoicing", failure{"*invoice.VATError", "invoice %d: VAT number is malformed"}, plain, kafka.Header{Name: "tenant-id", Value: []byte("tenant-7")})
	in.letters(8, "invoicing", failure{"*invoice.VATError", "invoice %d: VAT number is malformed"}, plain, kafka.Header{Name: "tenant-id", Value: []byte("tenant-2")})
	startService(in.bench, "invoicing", never)
}

func oversize(in *incident) {
	in.letters(6, "archiver", failure{"*s3.TimeoutError", "document %d: upload timed out"}, func(i int) string {
		size := 100
		if i == 4 {
			size = 4000
		}
		return fmt.Sprintf(`{"n":%d,"body":"%s"}`, i, strings.Repeat("x", size))
	})
	small := "2000"
	admin := in.admin()
	if err := admin.AlterConfig(sarama.TopicResource, in.source, map[string]*string{"max.message.bytes": &small}, false); err != nil {
		in.t.Fatal(err)
	}
	startService(in.bench, "archiver", never)
}

func expiring(in *incident) {
	in.lettersAt(time.Now().Add(-29*24*time.Hour-22*time.Hour), 10, "audit-svc", failure{"*pq.Error", "entry %d: disk full"}, plain)
	startService(in.bench, "audit-svc", never)
}

func failsAgain(in *incident) {
	in.letters(30, "shipping", failure{"*carrier.RateLimited", "shipment %d: 429"}, plain)
	startService(in.bench, "shipping", func(r kafka.Record) *failure {
		if !in.fixed.Load() && number(r) < 3 {
			return &failure{"*carrier.UnknownZone", "zone ZZ is unknown"}
		}
		return nil
	})
}

// stuck leaves a transaction of another application open on the target, which
// no reader of committed records gets past.
func stuck(in *incident) {
	in.letters(10, "refunder", failure{"*psp.Unavailable", "refund %d: psp is unavailable"}, plain)
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Producer.Idempotent, conf.Producer.RequiredAcks, conf.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	conf.Producer.Return.Successes = true
	conf.Producer.Transaction.ID, conf.Producer.Transaction.Timeout = "refunds-import-7", 10*time.Minute
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := sarama.NewSyncProducer(strings.Split(in.conn.Bootstrap, ","), conf)
	if err != nil {
		in.t.Fatal(err)
	}
	if err := p.BeginTxn(); err != nil {
		in.t.Fatal(err)
	}
	for part := range int32(3) {
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: in.source, Partition: part, Value: sarama.StringEncoder("import")}); err != nil {
			in.t.Fatal(err)
		}
	}
	in.t.Cleanup(func() { _ = p.Close() })
	startService(in.bench, "refunder", never)
}

func (in *incident) admin() sarama.ClusterAdmin {
	in.t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(in.conn.Bootstrap, ","), conf)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { _ = admin.Close() })
	return admin
}
