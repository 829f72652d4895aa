package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// exampleFiles makes the files that examples name, in the shell's directory.
const exampleFiles = `
mkdir -p work/schemas released/schemas .config/fish/completions
cd work
printf 'topics:\n- name: orders\n  partitions: 6\n' > topics.yaml
printf 'k1:v1\nk2:v2\n' > keys-and-values.txt
printf '{"value":"a"}\nno json\n{"value":"b"}\n' > events.jsonl
printf '{"user":"{{letters 8}}","n":{{seq}}}\n' > user.tmpl
printf '{"type":"object","properties":{"orderId":{"type":"string"}},"required":["orderId"],"additionalProperties":false}' > order.json
cp order.json schemas/order.placed.json
cp schemas/order.placed.json ../released/schemas/
printf '{"id":"1","type":"order.placed","data":{"orderId":"o1"}}\n' > fixed.json
printf 'events:\n  types:\n  - {type: order.placed, topic: orders, schema: schemas/order.placed.json, key: /data/orderId}\n' > manage-kafka.yaml
manage-kafka emit-event --example --count 20 --dry-run -q > events.ndjson
manage-kafka emit-event tenant.created --example --dry-run -q > payload.json
git init -q . && git add schemas && git -c user.name=a -c user.email=a@example.com commit -qm schemas && git tag v1.4.0
`

// exampleRecords makes the topics, records, groups and letters that examples speak
// of: 1,300 letters in partition 3 of orders.dlq, 100 of which failed otherwise.
const exampleRecords = `
set -e -o pipefail
cd work
manage-kafka create-topic -q orders orders.dlq copy -p 6
manage-kafka create-topic -q tmp-load invoice.events my-topic -p 1
manage-kafka dlq ledger init -q
seq 1202 | manage-kafka producer orders -q -p 3
seq 1300 | manage-kafka producer orders -q -p 0
seq 100 | manage-kafka producer tmp-load -q
seq 10 | manage-kafka producer invoice.events -q
manage-kafka producer orders.dlq -q -f jsonl --keep-partition --file letters.jsonl
for group in billing-service-invoices-consumer notification-node-consumer notification-old-consumer test-1; do
	manage-kafka consumer invoice.events orders -q -g "$group" --commit --from-beginning -n 1500 > messages.txt
done
manage-kafka dlq replay orders.dlq -q --offset 1100 -y
`

// exampleBefore is what there has to be, or must not be, before the examples of a
// command or before a single one.
var exampleBefore = map[string]string{
	"":      "manage-kafka delete-topic -q my-topic",
	"start": "manage-kafka stop -q --volumes",
	"manage-kafka start --project shop --port-offset 100":                                     "manage-kafka stop -q",
	"manage-kafka start --foreground":                                                         "manage-kafka stop -q --project shop",
	"manage-kafka create-topic orders":                                                        "manage-kafka delete-topic -q orders orders.dlq",
	"manage-kafka create-topic orders --partitions 6 -c retention.ms=86400000 --with-dlq":     "manage-kafka delete-topic -q orders",
	"manage-kafka delete-topic orders orders.dlq --if-exists --yes":                           "manage-kafka create-topic -q orders",
	"manage-kafka dlq ledger rebuild orders.dlq --from orders":                                "manage-kafka delete-topic -q manage-kafka.ledger && manage-kafka dlq ledger init -q",
	"manage-kafka emit-event tenant.created --example --registry --cloudevents binary":        "manage-kafka events register -q tenant.created",
	"manage-kafka emit-event order.created --schema order.json --data '{\"orderId\":\"o1\"}'": "manage-kafka create-topic -q order.events",
}

// exampleCodes are the examples that do not end with 0 here.
var exampleCodes = map[string]int{
	// Docker has its own tests, and the rest of this test's choice is recorded.
	"manage-kafka start --runtime docker --only kafka": 7,
	// Every record here is younger than an hour.
	"manage-kafka consumer orders --from 2h --to 1h --jq '.amount > 100' -f jsonl": 8,
	// One line of the file is broken.
	"manage-kafka producer my-topic -f jsonl --file events.jsonl --on-error skip --rejects rejects.jsonl": 5,
	// A transaction whose coordinator lives does not hang; only a real cluster loses one.
	"manage-kafka txn abort orders/3@1204":                            7,
	"manage-kafka txn abort $(manage-kafka txn find-hanging -o name)": 2,
	// Critical, as a plugin of Nagios says it.
	"manage-kafka dlq check orders.dlq --max-pending 0 --max-age 1h":                      2,
	"manage-kafka dlq check '*.dlq' --max-pending 100 --min-expiry 24h --new-failure=30m": 2,
	// Without a terminal; testdata/scripts/dlq_edit.txtar has one.
	"manage-kafka dlq edit orders.dlq 3@1204":                   2,
	"manage-kafka dlq edit orders.dlq --failure a91f --limit 3": 2,
	// Ctrl-C is the way to end it.
	"manage-kafka start --foreground": 0,
	// Nobody consumes what was replayed.
	"manage-kafka dlq watch --until-done":                              4,
	"manage-kafka dlq watch 01JCABCDEFGHJKMNPQRSTVWXYZ --once -o json": 4,
}

// exampleFollows are the examples that go on until somebody ends them, each with
// what it shows before.
var exampleFollows = map[string]string{
	"manage-kafka consumer orders": "new",
	"manage-kafka consumer orders -o -5 -f '%p/%o %d{strftime[%F %T]} %k: %v\\n'": "new",
	"manage-kafka emit-event --example --count 10000 --rate 500/s":                "seed ",
	"manage-kafka logs kafka --tail 20 --follow":                                  "ready",
	"manage-kafka start --foreground":                                             "in the foreground",
	"manage-kafka dlq apply plan.json --canary 5":                                 "canary: 5 replayed",
	"manage-kafka dlq replay orders.dlq --canary 5 --stop-if-redead 2%":           "canary: 5 replayed",
	"manage-kafka dlq watch --until-done":                                         "not yet reached",
}

// TestExamplesRun pastes every example of every --help into a shell, on a stack
// that has what the examples speak of, as somebody who says yes to every question.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for a POSIX shell")
	}
	w := newExampleWorld(t)
	pages := helpPages(t, w.pageShell)
	unused := maps.Clone(exampleCodes)
	count := 0
	for _, page := range pages {
		w.reset(t)
		w.must(t, exampleBefore[page.command])
		for _, example := range page.examples {
			count++
			if example == resetBefore {
				w.reset(t)
			}
			w.must(t, exampleBefore[example])
			line := w.named(t, example)
			want, known := exampleCodes[example]
			delete(unused, example)
			follows := exampleFollows[example]
			if follows != "" && !known {
				want = 130
			}
			out, code := w.paste(t, line, follows)
			if code != want {
				t.Errorf("%s --help: %s\nexit code %d, want %d\n%s", page.command, line, code, want, out)
			}
		}
	}
	for example := range unused {
		t.Errorf("no help has the example %s", example)
	}
	if count < 120 {
		t.Errorf("only %d examples", count)
	}
}

type helpPage struct {
	command  string
	examples []string
}

// helpPages takes the examples out of the help of every command.
func helpPages(t *testing.T, shell pageShell) []helpPage {
	t.Helper()
	name := regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) +[A-Z]`)
	var pages []helpPage
	for next := []string{""}; len(next) > 0; next = next[1:] {
		page := helpPage{command: next[0]}
		body, _, _ := strings.Cut(shell.mustRun(t, "manage-kafka "+page.command+" --help"), "\nFlags:\n")
		_, body, found := strings.Cut(body, "\nExamples:\n")
		examples, commands, _ := strings.Cut(body, "\n\n")
		if !found || examples == "" {
			t.Errorf("%s --help has no examples", page.command)
		}
		for line := range strings.Lines(examples) {
			page.examples = append(page.examples, strings.TrimSpace(line))
		}
		pages = append(pages, page)
		for _, match := range name.FindAllStringSubmatch(commands, -1) {
			if match[1] != "help" {
				next = append(next, strings.TrimSpace(page.command+" "+match[1]))
			}
		}
	}
	return pages
}

// exampleWorld is a stack that can be had again as it was made.
type exampleWorld struct {
	pageShell
	brokers      string
	failure, run string
}

func newExampleWorld(t *testing.T) *exampleWorld {
	t.Helper()
	w := &exampleWorld{pageShell: newPageShell(t, "examples", "embedded")}
	w.env = append(w.env, "XDG_STATE_HOME="+filepath.Join(w.home, "state"), "MANAGE_KAFKA_YES=true",
		"VISUAL=cp fixed.json", "MANPAGER=cat")
	if _, err := exec.LookPath("man"); err != nil { // Debian's smallest systems have none
		if err := os.WriteFile(filepath.Join(w.home, "bin", "man"), []byte("#!/bin/sh\nexec cat\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		w.paste(t, "manage-kafka stop -q --volumes; manage-kafka stop -q --volumes --project shop", "")
	})
	w.must(t, "cd .. && "+exampleFiles)
	if err := os.WriteFile(filepath.Join(w.home, "work", "letters.jsonl"), exampleLetters(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.must(t, "manage-kafka start -q > started.txt")
	w.must(t, "cd .. && "+exampleRecords)
	w.failure = w.answer(t, "manage-kafka dlq failures orders.dlq --group billing -o json | grep -o '\"id\": \"[0-9a-f]*'")
	w.run = w.answer(t, "manage-kafka dlq runs orders.dlq -o name")
	w.brokers = strings.TrimPrefix(w.answer(t, "manage-kafka status -q -o env | head -1"), "export KAFKA_BROKERS=")
	w.must(t, "manage-kafka stop -q")
	w.must(t, "cp -a ../state ../snapshot && cp -a ../work ../files")
	return w
}

// exampleLetters are 1,300 letters for partition 3 of orders.dlq: 1,200 of one
// failure and 100 of another one.
func exampleLetters() []byte {
	var list bytes.Buffer
	for i := range 1300 {
		class, message, group := "DecodeError", "what is this", "billing-svc"
		if i >= 1200 {
			class, message, group = "json.UnmarshalTypeError", "amount is a string", "billing"
		}
		value := fmt.Sprintf(`{"id":"e%d","type":"order.placed","source":"shop","time":"2026-01-05T09:30:00Z","dataVersion":"1.0",`+
			`"dataContentType":"application/json","tenantId":"t1","data":{"orderId":"o1"},"amount":"12"}`, i)
		fmt.Fprintf(&list, `{"topic":"orders.dlq","partition":3,"key":"tenant-7","value":%q,"headers":[{"key":"dlq-original-topic","value":"orders"},`+
			`{"key":"dlq-original-partition","value":"3"},{"key":"dlq-error-class","value":%q},{"key":"dlq-error-message","value":%q},{"key":"dlq-group","value":%q}]}`+"\n",
			value, class, message, group)
	}
	return list.Bytes()
}

func (w *exampleWorld) answer(t *testing.T, line string) string {
	t.Helper()
	out, code := w.paste(t, line, "")
	if code != 0 || out == "" {
		t.Fatalf("%s: exit code %d\n%s", line, code, out)
	}
	return strings.TrimSpace(out)
}

// resetBefore is an example that needs what the ones before it took.
const resetBefore = "manage-kafka dlq replay orders.dlq --canary 5 --stop-if-redead 2%"

// reset brings back the stack, its data and the files.
func (w *exampleWorld) reset(t *testing.T) {
	t.Helper()
	w.must(t, "manage-kafka stop -q")
	w.must(t, "rm -rf ../state ../work/* && cp -a ../snapshot ../state && cp -a ../files/. . && manage-kafka start -q")
	w.openTransaction(t)
}

func (w *exampleWorld) openTransaction(t *testing.T) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers), kgo.TransactionalID("billing-7"),
		kgo.TransactionTimeout(40*time.Second), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 3, Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// named puts this stack's names in the place of those that differ everywhere.
func (w *exampleWorld) named(t *testing.T, example string) string {
	example = regexp.MustCompile(`\b01JC[0-9A-Z]{22}\b`).ReplaceAllString(example, w.run)
	return strings.NewReplacer(
		"a91f", w.failure[len(w.failure)-8:],
		"kafka-1:9092", w.brokers,
		"/var/lib/node_exporter/", w.home+"/",
		"http://localhost:8081", "$(manage-kafka status -q -o env | sed -n 's/.*_URL=//p')",
	).Replace(example)
}

func (w *exampleWorld) must(t *testing.T, line string) {
	t.Helper()
	if out, code := w.paste(t, line, ""); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", line, code, out)
	}
}

// paste runs a line and gives what it printed and its exit code. One that follows
// is interrupted once it has shown what it should, while records come in.
func (w *exampleWorld) paste(t *testing.T, line string, follows string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if follows != "" {
		line = "exec " + line
	}
	c := exec.CommandContext(ctx, "bash", "-c", line)
	c.Env, c.Dir = w.env, filepath.Join(w.home, "work")
	var out lockedBuffer
	c.Stdout, c.Stderr = &out, &out
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	if follows != "" {
		w.interrupt(t, c.Process, ended, func() bool { return strings.Contains(out.String(), follows) })
	}
	var exit *exec.ExitError
	if err := <-ended; errors.As(err, &exit) {
		return out.String(), exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out.String())
	}
	return out.String(), 0
}

// interrupt sends records until a process has shown what it should, and ends it.
func (w *exampleWorld) interrupt(t *testing.T, p *os.Process, ended chan error, shown func() bool) {
	t.Helper()
	for !shown() {
		select {
		case err := <-ended:
			ended <- err
			return
		default:
			w.paste(t, "echo new | manage-kafka producer -q orders", "")
		}
	}
	if err := p.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
