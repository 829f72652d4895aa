package fix_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// asWorker makes the test binary the process that runs programs.
const asWorker = "FIX_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		if err := fix.Serve(context.Background(), os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func worker() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), asWorker+"=1")
	return c
}

func newFixer(t testing.TB, o fix.Options) *fix.Fixer {
	t.Helper()
	o.Worker = worker
	f, err := fix.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func apply(t testing.TB, f *fix.Fixer, letters ...kafka.Record) []fix.Result {
	t.Helper()
	results, err := f.Apply(t.Context(), letters)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(letters) {
		t.Fatalf("%d results of %d letters", len(results), len(letters))
	}
	return results
}

func value(text string) kafka.Record { return kafka.Record{Value: []byte(text)} }

func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		program, value string
		want           string // "" is unchanged
		stays          string // why; "skipped" for no result
	}{
		{program: `.`, value: `{"b": 1,  "a":9007199254740993}`},
		{program: `.a += 0`, value: `{"b":1,"a":9007199254740993}`},
		{program: `.a = 1`, value: `{"a":1.0}`},
		{program: `.x = 2`, value: `{"z":9007199254740993,"x":1,"a":1.50}`, want: `{"z":9007199254740993,"x":2,"a":1.50}`},
		{program: `.a += 1`, value: `{"b":1,"a":9007199254740993}`, want: `{"b":1,"a":9007199254740994}`},
		{program: `.a = 9007199254740992`, value: `{"a":9007199254740993}`, want: `{"a":9007199254740992}`},
		{program: `del(.b)`, value: `{"c":1,"b":2,"a":3}`, want: `{"c":1,"a":3}`},
		{program: `.n = {b:1,a:2}`, value: `{"c":1}`, want: `{"c":1,"n":{"a":2,"b":1}}`},
		{program: `.data.amount |= tonumber`, value: `{"id":"1","data":{"z":true,"amount":"12.50","a":null}}`, want: `{"id":"1","data":{"z":true,"amount":12.5,"a":null}}`},
		{program: `del(.[0])`, value: `[{"b":1,"a":1},{"d":1,"c":1e2}]`, want: `[{"d":1,"c":1e2}]`},
		{program: `.[1].x = 1`, value: `[{"b":1,"a":1},{"y":1,"x":0}]`, want: `[{"b":1,"a":1},{"y":1,"x":1}]`},
		{program: `. + ["<é\u0001"]`, value: `["\u00e9"]`, want: `["\u00e9","<é\u0001"]`},
		{program: `empty`, value: `{}`, stays: "skipped"},
		{program: `if .ok then . else empty end`, value: `{"ok":false}`, stays: "skipped"},
		{program: `1,2`, value: `{}`, stays: "jq: the program gives several results"},
		{program: `.a.b`, value: `{"a":[]}`, stays: "jq: expected an object but got: array ([])"},
		{program: `.`, value: `{"a":}`, stays: "invalid JSON at byte 5: '}' where a value is expected"},
		{program: `.`, value: `{"a":1,"a":2}`, stays: `invalid JSON at byte 7: duplicate member "a"`},
		{program: `error("no")`, value: `{}`, stays: "jq: error: no"},
		{program: `.k = $key`, value: `{}`, want: `{"k":"key-1"}`},
		{program: `.h = $headers.tenant`, value: `{}`, want: `{"h":"t-2"}`},
		{program: `.h = $headers.none`, value: `{"h":1}`, want: `{"h":null}`},
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			r := value(tt.value)
			r.Key = []byte("key-1")
			r.Headers = []kafka.Header{{Name: "tenant", Value: []byte("t-1")}, {Name: "tenant", Value: []byte("t-2")}, {Name: "null"}}
			got := apply(t, newFixer(t, fix.Options{JQ: tt.program}), r)[0]
			stays := ""
			switch {
			case got.Skipped:
				stays = "skipped"
			case got.Refused != nil:
				stays = got.Refused.String()
			}
			if stays != tt.stays {
				t.Errorf("stays because %q, want %q", stays, tt.stays)
			}
			want := tt.want
			if want == "" {
				want = tt.value
			}
			if string(got.Record.Value) != want || got.ValueChanged != (tt.want != "") {
				t.Errorf("value %s, changed %v; want %s", got.Record.Value, got.ValueChanged, want)
			}
		})
	}
}

func TestProgramsThatAreRefused(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		`.[`:                       `jq program ".[": unexpected EOF`,
		`import "a" as a; .`:       `modules are not available`,
		`include "a"; .`:           `modules are not available`,
		`$ENV.HOME`:                `$ENV is not available`,
		`[.a | {x: (1 | env)}]`:    `env is not available`,
		`input`:                    `input is not available`,
		`[inputs]`:                 `inputs is not available`,
		`.a = input_filename`:      `input_filename is not available`,
		`map(debug)`:               `debug is not available`,
		`def f: halt; f`:           `halt is not available`,
		`nothing`:                  `function not defined: nothing/0`,
		`$undefined`:               `variable not defined: $undefined`,
		strings.Repeat("1,", 40e3): `it has 80000 bytes, more than 65536`,
	} {
		_, err := fix.New(fix.Options{JQ: program, Worker: worker})
		if !errors.Is(err, fix.ErrProgram) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", program, err, want)
		}
	}
}

// A letter that takes its process with it stays; those around it do not.
func TestProgramsThatTakeTooMuch(t *testing.T) {
	t.Parallel()
	const slow = "jq: the program did not end within 1s" // on a busy machine, whatever else it does
	const crash = "jq: the program ended its process"    // the race detector has words of its own when memory ends
	for name, tt := range map[string]struct {
		bad, want string
	}{
		"loop":   {`last(repeat(.))`, "jq: the program did not end within 1s"},
		"native": {`"a" * (.n * 10000) | test("a{0,500}b")`, "jq: the program did not end within 1s"},
		"grow":   {`[.] | until(length > 1e9; . + .) | length`, "jq: the program took too much memory"},
		"huge":   {`"x" * (.n * 3000000) | length`, "jq: the program took too much memory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixer(t, fix.Options{JQ: `if .bad then ` + tt.bad + ` else .seen = true end`, Memory: 96 << 20})
			var letters []kafka.Record
			for i := range 600 {
				letters = append(letters, value(fmt.Sprintf(`{"n":%d,"bad":%v}`, i, i == 300 || i == 301)))
			}
			for i, r := range apply(t, f, letters...) {
				bad := i == 300 || i == 301
				if bad && (r.Refused == nil || r.Refused.Reason != tt.want && r.Refused.Reason != slow && r.Refused.Reason != crash) {
					t.Errorf("letter %d: %+v, want %s", i, r.Refused, tt.want)
				}
				if !bad && string(r.Record.Value) != fmt.Sprintf(`{"n":%d,"bad":false,"seen":true}`, i) {
					t.Fatalf("letter %d: %+v %s", i, r.Refused, r.Record.Value)
				}
			}
		})
	}
}

func TestProgramIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixer(t, fix.Options{JQ: `"x" * (.n * 900000000) | length`, Memory: 64 << 20})
	_, err := f.Apply(t.Context(), make10(`{"n":1}`))
	if !errors.Is(err, fix.ErrGivenUp) {
		t.Errorf("%v, want %v", err, fix.ErrGivenUp)
	}
}

func make10(text string) []kafka.Record {
	letters := make([]kafka.Record, 10)
	for i := range letters {
		letters[i] = value(text)
	}
	return letters
}

func TestCancelEndsAProgram(t *testing.T) {
	t.Parallel()
	f := newFixer(t, fix.Options{JQ: `last(repeat(.))`})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := f.Apply(ctx, make10(`{}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	// the Fixer starts another process when it is used again
	if _, err := f.Apply(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestKeysAndHeaders(t *testing.T) {
	t.Parallel()
	text := "plain"
	r := kafka.Record{Key: []byte("k"), Value: []byte(`{"id":7,"n":null,"s":"x"}`), Headers: []kafka.Header{
		{Name: "a", Value: []byte("1")}, {Name: "b"}, {Name: "X-Signature", Value: []byte("abc")}, {Name: "a", Value: []byte("2")}, {Name: "c", Value: []byte("3")},
	}}
	for name, tt := range map[string]struct {
		o    fix.Options
		want string
	}{
		"nothing":        {fix.Options{}, `k a=1 b=<null> X-Signature=abc a=2 c=3`},
		"text":           {fix.Options{Key: &text}, `plain! a=1 b=<null> X-Signature=abc a=2 c=3`},
		"jq string":      {fix.Options{KeyJQ: `.s`}, `x! a=1 b=<null> X-Signature=abc a=2 c=3`},
		"jq number":      {fix.Options{KeyJQ: `.id`}, `7! a=1 b=<null> X-Signature=abc a=2 c=3`},
		"jq null":        {fix.Options{KeyJQ: `.n`}, `<null>! a=1 b=<null> X-Signature=abc a=2 c=3`},
		"jq same":        {fix.Options{KeyJQ: `$key`}, `k a=1 b=<null> X-Signature=abc a=2 c=3`},
		"key of new":     {fix.Options{JQ: `.id = 8`, KeyJQ: `.id`}, `8! a=1 b=<null> X-Signature=abc a=2 c=3 signed X-Signature`},
		"set":            {fix.Options{SetHeaders: []kafka.Header{{Name: "a", Value: []byte("9")}}}, `k b=<null> X-Signature=abc c=3 a=9 headers`},
		"set to what is": {fix.Options{SetHeaders: []kafka.Header{{Name: "c", Value: []byte("3")}}}, `k a=1 b=<null> X-Signature=abc a=2 c=3`},
		"delete":         {fix.Options{DelHeaders: []string{"a", "b"}}, `k X-Signature=abc c=3 headers`},
		"delete none":    {fix.Options{DelHeaders: []string{"z"}}, `k a=1 b=<null> X-Signature=abc a=2 c=3`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := apply(t, newFixer(t, tt.o), r)[0]
			if shown := show(got); shown != tt.want {
				t.Errorf("%s\nwant %s", shown, tt.want)
			}
		})
	}
}

func show(r fix.Result) string {
	text := func(b []byte) string {
		if b == nil {
			return "<null>"
		}
		return string(b)
	}
	out := text(r.Record.Key)
	if r.KeyChanged {
		out += "!"
	}
	for _, h := range r.Record.Headers {
		out += " " + h.Name + "=" + text(h.Value)
	}
	if r.HeadersChanged {
		out += " headers"
	}
	if r.Signature != "" {
		out += " signed " + r.Signature
	}
	if r.Refused != nil {
		out += " refused: " + r.Refused.String()
	}
	return out
}

func TestNullValueIsLeft(t *testing.T) {
	t.Parallel()
	got := apply(t, newFixer(t, fix.Options{JQ: `.x = 1`}), kafka.Record{Key: []byte("k")}, kafka.Record{Value: []byte{}})
	if got[0].Record.Value != nil || got[0].ValueChanged || got[0].Stays() {
		t.Errorf("%+v", got[0])
	}
	if got[1].Refused == nil {
		t.Error("an empty value is taken for JSON")
	}
}

func TestValueThatGrows(t *testing.T) {
	t.Parallel()
	got := apply(t, newFixer(t, fix.Options{JQ: `.x = "y" * 100`, MaxValue: 50}), value(`{}`))[0]
	if got.Refused == nil || got.Refused.Reason != "jq: the new value has 108 bytes, the topic takes 50" {
		t.Errorf("%+v", got.Refused)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	command := func(words ...string) fix.Check {
		c, err := fix.Command(words)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	validator := catalogue.Validator(events.ValidatorOptions{View: events.Open})
	for name, tt := range map[string]struct {
		o     fix.Options
		value string
		want  string
	}{
		"json":          {fix.Options{Checks: []fix.Check{fix.JSON()}}, `{"a":1}`, ""},
		"no json":       {fix.Options{Checks: []fix.Check{fix.JSON()}}, `{"a":1`, "invalid JSON at byte 6: the text ends where \",\" or \"}\" is expected"},
		"no event":      {fix.Options{Checks: []fix.Check{fix.Event(validator)}}, `{}`, `/data: is required (and 6 more)`},
		"predicate":     {fix.Options{Predicate: `.a > 1`}, `{"a":2}`, ""},
		"predicate no":  {fix.Options{Predicate: `.a > 1`}, `{"a":1}`, "the jq predicate does not hold"},
		"predicate bad": {fix.Options{Predicate: `.a.b`}, `{"a":1}`, "jq predicate: expected an object but got: number (1)"},
		"of the new":    {fix.Options{JQ: `.a = 2`, Predicate: `.a > 1`}, `{"a":1}`, ""},
		"command":       {fix.Options{Checks: []fix.Check{command("grep", "-q", "good")}}, `good`, ""},
		"command no":    {fix.Options{Checks: []fix.Check{command("grep", "-q", "good")}}, `bad`, "grep: exit status 1"},
		"command says":  {fix.Options{Checks: []fix.Check{command("sh", "-c", "echo first >&2; echo second >&2; exit 3")}}, `x`, "sh: first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := apply(t, newFixer(t, tt.o), value(tt.value))[0]
			why := ""
			if got.Refused != nil {
				why = got.Refused.String()
			}
			if why != tt.want {
				t.Errorf("refused: %q, want %q", why, tt.want)
			}
		})
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	key := "k"
	for _, o := range []fix.Options{{}, {JQ: `.a`}, {KeyJQ: `.a`}, {Key: &key}, {DelHeaders: []string{"a"}}, {SetHeaders: []kafka.Header{{Name: "a"}}}} {
		f := newFixer(t, o)
		if seen[f.Hash()] || f.Changes() != (f.Hash() != "") {
			t.Errorf("%+v: hash %q", o, f.Hash())
		}
		seen[f.Hash()] = true
	}
}

// BenchmarkProgram is letters a second through a process.
func BenchmarkProgram(b *testing.B) {
	f := newFixer(b, fix.Options{JQ: `.data.amount |= tonumber | .fixed = true`})
	letters := make([]kafka.Record, 2000)
	for i := range letters {
		letters[i] = value(fmt.Sprintf(`{"id":"%d","type":"invoice.created","tenantId":"acme","data":{"amount":"%d.50","currency":"EUR","lines":[1,2,3]}}`, i, i))
	}
	apply(b, f, letters[:10]...)
	b.ResetTimer()
	n := 0
	for b.Loop() {
		apply(b, f, letters...)
		n += len(letters)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "letters/s")
}
