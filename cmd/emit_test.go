package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// contractKeys is the contract's own table: the topic is that of the domain.
func contractKeys() map[string]string {
	keys := map[string]string{}
	for prefix, path := range map[string]string{
		"tenant.": "data.id", "user.": "data.id", "billing.": "tenantId", "notification.email_": "data.notificationId",
		"notification.in_app_": "data.recipientUserId", "file.": "data.fileId", "analytics.user_activity_recorded": "data.userId",
		"analytics.report_generated": "data.reportId", "analytics.metric_updated": "data.metricName",
	} {
		for _, t := range events.Types() {
			if strings.HasPrefix(t.Name, prefix) {
				keys[t.Name] = path
			}
		}
	}
	return keys
}

func member(t *testing.T, event map[string]any, path string) any {
	t.Helper()
	at := any(event)
	for _, name := range strings.Split(path, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("no %s in %v", path, event)
		}
		at = object[name]
	}
	return at
}

// readAll reads what a topic holds, a line of JSON each.
func readAll(t *testing.T, brokers, topic string) []map[string]any {
	t.Helper()
	code, out, errOut := runLine(t.Context(), "consumer", topic, "-b", brokers, "--from-beginning", "--exit-at-end", "-f", "jsonl")
	if code != 0 {
		t.Fatalf("consumer: exit %d\n%s", code, errOut)
	}
	var list []map[string]any
	dec := json.NewDecoder(strings.NewReader(out))
	for {
		var record map[string]any
		if err := dec.Decode(&record); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, record)
	}
}

func contractTopics(t *testing.T) (brokers string) {
	t.Helper()
	brokers = kafkatest.Start(t)
	if code, _, errOut := runLine(t.Context(), "create-topic", "--catalogue", "-b", brokers); code != 0 {
		t.Fatalf("exit %d\n%s", code, errOut)
	}
	return brokers
}

func TestEveryTypeGoesToItsTopicByItsKey(t *testing.T) {
	t.Parallel()
	brokers, keys := contractTopics(t), contractKeys()
	if len(keys) != 35 {
		t.Fatalf("the table has %d types, want 35", len(keys))
	}
	ids := map[string]string{}
	for name := range keys {
		code, out, errOut := runLine(t.Context(), "emit-event", name, "--example", "--seed", "3", "-b", brokers)
		if code != 0 {
			t.Fatalf("%s: exit %d\n%s", name, code, errOut)
		}
		ids[name] = strings.TrimSpace(out)
	}
	seen := 0
	for _, domain := range []string{"tenant", "user", "billing", "notification", "file", "analytics"} {
		for _, record := range readAll(t, brokers, domain+".events") {
			seen++
			var event map[string]any
			value, _ := record["value"].(string)
			if err := json.Unmarshal([]byte(value), &event); err != nil {
				t.Fatal(err)
			}
			name, _ := event["type"].(string)
			if !strings.HasPrefix(name, domain+".") || event["id"] != ids[name] {
				t.Errorf("%s with id %v is in %s.events; its id was printed as %s", name, event["id"], domain, ids[name])
			}
			want := member(t, event, keys[name])
			if name == "user.login_failed" && want == nil {
				want = event["tenantId"]
				if hash := member(t, event, "data.identifierHash"); hash != nil {
					want = fmt.Sprintf("%v:%v", want, hash)
				}
			}
			if record["key"] != want {
				t.Errorf("%s: key %v, want %v", name, record["key"], want)
			}
		}
	}
	if seen != len(keys) {
		t.Errorf("%d events are there, want %d", seen, len(keys))
	}
}

// A member that must be there and one that nobody knows: exit 2 with the
// pointer, before anything is connected to.
func TestBrokenPayloadsAreRefusedByTheCommand(t *testing.T) {
	t.Parallel()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	nowhere := closedAddr(t)
	refuse := func(name string, data map[string]any, want string) {
		t.Helper()
		body, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		code, out, errOut := runLine(t.Context(), "emit-event", name, "--tenant", "t1", "--data", string(body), "-b", nowhere)
		if code != exitUsage || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("%s without %s: exit %d\n%s%s", name, want, code, out, errOut)
		}
	}
	for _, typ := range c.Types() {
		example, err := c.Example(typ.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		members, err := c.Members(typ.Name)
		if err != nil {
			t.Fatal(err)
		}
		fresh := func() (data map[string]any) {
			if err := json.Unmarshal(example.Data, &data); err != nil {
				t.Fatal(err)
			}
			return data
		}
		for _, m := range members {
			if m.Required && !strings.ContainsAny(m.Path, ".[") {
				data := fresh()
				delete(data, m.Path)
				refuse(typ.Name, data, "\n/data/"+m.Path+": is required\n")
			}
		}
		data := fresh()
		data["surprise"] = 1
		refuse(typ.Name, data, "\n/data/surprise: ")
	}
}

// mixedFile has n events of all types, with bad on line at.
func mixedFile(t *testing.T, n, at int, bad string) string {
	t.Helper()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	types := c.Types()
	made := make([][]byte, len(types))
	for i, typ := range types {
		e, err := c.Example(typ.Name, 9)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = e.Encode()
	}
	for i := 1; i <= n; i++ {
		if i == at {
			b.WriteString(bad)
		} else {
			b.Write(made[i%len(made)])
		}
		b.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOneBadLineOfManyLeavesAllUnsent(t *testing.T) {
	t.Parallel()
	brokers := contractTopics(t)
	path := mixedFile(t, 10_000, 7_001, `{"type":"tenant.deleted","data":{"id":"t1","mode":"soft"}}`)
	code, out, errOut := runLine(t.Context(), "emit-event", "--file", path, "-b", brokers)
	if code != exitUsage || out != "" || !strings.Contains(errOut, "1 of 10,000 events is invalid, nothing was sent:\nline 7001: /data/deletedAt: is required\n") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	for _, topic := range []string{"tenant.events", "user.events", "file.events"} {
		if got := readAll(t, brokers, topic); len(got) > 0 {
			t.Errorf("%d events are in %s", len(got), topic)
		}
	}
	// All but that line, on request; the order within a topic's partition is the file's.
	rejects := filepath.Join(t.TempDir(), "rejects.ndjson")
	code, out, errOut = runLine(t.Context(), "emit-event", "--file", path, "-b", brokers, "--on-error", "skip", "--rejects", rejects, "-o", "json")
	if code != exitPartly || !strings.Contains(out, `"acked": 9999,`) {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	left, err := os.ReadFile(rejects)
	if err != nil || !strings.HasPrefix(string(left), `{"error":"/data/deletedAt: is required","line":7001,"event":{"type":"tenant.deleted"`) || bytes.Count(left, []byte("\n")) != 1 {
		t.Errorf("rejects: %v\n%s", err, left)
	}
}

// A reader of ids that goes away does not keep events from being sent.
func TestNobodyReadsTheIDs(t *testing.T) {
	t.Parallel()
	brokers := contractTopics(t)
	var errOut bytes.Buffer
	a := newApp(strings.NewReader(""), brokenPipe{}, &errOut)
	if code := a.run(t.Context(), []string{"emit-event", "tenant.deleted", "--example", "--count", "500", "-b", brokers}); code != 0 {
		t.Errorf("exit %d\n%s", code, errOut.String())
	}
	if got := readAll(t, brokers, "tenant.events"); len(got) != 500 {
		t.Errorf("%d events are there, want 500", len(got))
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// What is read from standard input is kept where nobody else can read it, and
// nothing of it stays.
func TestStandardInputIsSpooled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	brokers := contractTopics(t)
	event := `{"type":"user.deleted","data":{"id":"u1","deletedAt":"2026-01-05T09:30:00Z","mode":"soft"}}` + "\n"
	in, feed := io.Pipe()
	seen := make(chan []os.FileInfo, 1)
	go func() {
		_, _ = io.WriteString(feed, event)
		// This write is taken once the one before was read and kept.
		_, _ = io.WriteString(feed, event)
		_, _ = io.WriteString(feed, event)
		var infos []os.FileInfo
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range names {
			if info, err := os.Stat(name); err == nil {
				infos = append(infos, info)
			}
		}
		seen <- infos
		_ = feed.Close()
	}()
	var out, errOut bytes.Buffer
	if code := newApp(in, &out, &errOut).run(t.Context(), []string{"emit-event", "--file", "-", "-b", brokers}); code != 0 {
		t.Fatalf("exit %d\n%s", code, errOut.String())
	}
	infos := <-seen
	if len(infos) != 1 || infos[0].Mode().Perm() != 0o600 {
		t.Errorf("kept in %v, want one file of mode 0600", infos)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("%v are left", names)
	}
	if got := readAll(t, brokers, "user.events"); len(got) != 3 || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%d events are there, want 3; printed\n%s", len(got), out.String())
	}
}

// An interrupt ends the wait for input that never comes.
func TestInterruptWhileReading(t *testing.T) {
	t.Parallel()
	brokers := contractTopics(t)
	for _, args := range [][]string{
		{"--file", "-"}, {"--file", "-", "--on-error", "skip", "--rejects", filepath.Join(t.TempDir(), "r")},
	} {
		in, feed := io.Pipe()
		defer feed.Close()
		ctx, interrupt := context.WithCancel(t.Context())
		done := make(chan int, 1)
		var out, errOut bytes.Buffer
		go func() {
			done <- newApp(in, &out, &errOut).run(ctx, append([]string{"emit-event", "-b", brokers}, args...))
		}()
		if _, err := io.WriteString(feed, `{"type":"user.deleted",`); err != nil {
			t.Fatal(err)
		}
		interrupt()
		select {
		case code := <-done:
			if code != exitInterrupted {
				t.Errorf("%v: exit %d\n%s", args, code, errOut.String())
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%v: does not end", args)
		}
	}
	if got := readAll(t, brokers, "user.events"); len(got) > 0 {
		t.Errorf("%d events were sent", len(got))
	}
}

func TestAssign(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, want, fault string
	}{
		{path: "a", want: `{"a":"v","list":[{"x":1}],"o":{"p":2}}`},
		{path: "o.p", want: `{"list":[{"x":1}],"o":{"p":"v"}}`},
		{path: "o.q.r", want: `{"list":[{"x":1}],"o":{"p":2,"q":{"r":"v"}}}`},
		{path: "list[0].x", want: `{"list":[{"x":"v"}],"o":{"p":2}}`},
		{path: "list[1].y", want: `{"list":[{"x":1},{"y":"v"}],"o":{"p":2}}`},
		{path: "grid[0][0]", want: `{"grid":[["v"]],"list":[{"x":1}],"o":{"p":2}}`},
		{path: "list[2]", fault: "list: [2]: the array has 1 items, the next is [1]"},
		{path: "o[0]", fault: "o: is no array"},
		{path: "list.x", fault: "list: is no object"},
		{path: "a..b", fault: "a name is missing"},
		{path: "", fault: "a name is missing"},
		{path: "a[", fault: "[ is not closed"},
		{path: "a[-1]", fault: "[-1]: want an index from 0"},
		{path: "a[0]b", fault: `"b" follows an index`},
	} {
		var root map[string]any
		if err := json.Unmarshal([]byte(`{"o":{"p":2},"list":[{"x":1}]}`), &root); err != nil {
			t.Fatal(err)
		}
		steps, err := parsePath(test.path)
		if err == nil {
			err = assign(root, steps, "v")
		}
		if test.fault != "" {
			if err == nil || err.Error() != test.fault {
				t.Errorf("%s: %v, want %s", test.path, err, test.fault)
			}
			continue
		}
		got, _ := encodeJSON(root)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", test.path, got, err, test.want)
		}
	}
}

func FuzzAssign(f *testing.F) {
	for _, seed := range []string{"a", "a.b[0].c", "a[0][1]", "[", "a[9999999999]", "..", "a]["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		steps, err := parsePath(path)
		if err != nil {
			return
		}
		root := map[string]any{}
		if err := assign(root, steps, "v"); err != nil {
			return
		}
		at := any(root)
		for _, s := range steps {
			switch v := at.(type) {
			case map[string]any:
				at = v[s.name]
			case []any:
				at = v[s.index]
			}
		}
		if at != "v" {
			t.Errorf("%q set %v", path, root)
		}
	})
}

func TestSetValue(t *testing.T) {
	t.Parallel()
	members := []events.DataMember{
		{Path: "name", Types: []string{"string"}}, {Path: "amount", Types: []string{"integer"}}, {Path: "items[].n", Types: []string{"integer"}},
		{Path: "modules", Types: []string{"array"}}, {Path: "either", Types: []string{"string", "number"}},
	}
	for _, test := range []struct {
		path, text string
		want       any
	}{
		{"name", "12", "12"},
		{"name", `"q"`, `"q"`},
		{"amount", "12", json.Number("12")},
		{"amount", "twelve", "twelve"},
		{"items[3].n", "4", json.Number("4")},
		{"modules", `["a","b"]`, []any{"a", "b"}},
		{"either", "1.5", json.Number("1.5")},
		{"either", "x", "x"},
		{"unknown", "true", true},
		{"unknown", "", ""},
	} {
		if got := setValue(members, test.path, test.text); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s=%s: %#v, want %#v", test.path, test.text, got, test.want)
		}
	}
}

func TestDocumentedFlagsCompleteInOrder(t *testing.T) {
	t.Parallel()
	code, out, _ := runLine(t.Context(), "__complete", "emit-event", "tenant.created", "--set", "data.s")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i := range lines {
		lines[i], _, _ = strings.Cut(lines[i], "\t")
	}
	if want := []string{"data.schemaName=", "data.subscriptionStartDate=", ":6"}; code != 0 || !slices.Equal(lines, want) {
		t.Errorf("exit %d: %q, want %q", code, lines, want)
	}
}

// firstWrite calls a function at the first write.
type firstWrite struct {
	bytes.Buffer
	then func()
}

func (w *firstWrite) Write(p []byte) (int, error) {
	if w.then != nil {
		w.then()
		w.then = nil
	}
	return w.Buffer.Write(p)
}

// What an interrupt cut off can be sent afterwards, and then all is there once.
func TestInterruptedExamplesGoOn(t *testing.T) {
	t.Parallel()
	brokers := contractTopics(t)
	ctx, interrupt := context.WithCancel(t.Context())
	out, errOut := &firstWrite{then: interrupt}, &bytes.Buffer{}
	args := []string{"emit-event", "user.deleted", "--example", "-b", brokers}
	code := newApp(strings.NewReader(""), out, errOut).run(ctx, append(args, "--seed", "40", "--count", "2000", "--rate", "2000/s"))
	_, hint, found := strings.Cut(errOut.String(), "hint: the others: ")
	if code != exitInterrupted || !found {
		t.Fatalf("exit %d\n%s", code, errOut.String())
	}
	sent := strings.Count(out.String(), "\n")
	code, rest, said := runLine(t.Context(), append(args, strings.Fields(hint)...)...)
	if code != 0 || sent == 0 || sent+strings.Count(rest, "\n") != 2000 {
		t.Errorf("exit %d: %d ids, then %d\n%s", code, sent, strings.Count(rest, "\n"), said)
	}
	ids := map[any]bool{}
	for _, record := range readAll(t, brokers, "user.events") {
		ids[record["value"]] = true
	}
	if len(ids) != 2000 {
		t.Errorf("%d different events are there, want 2000", len(ids))
	}
}
