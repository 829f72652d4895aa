package console_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func sample() kafka.Record {
	return kafka.Record{
		Topic: "orders", Partition: 3, Offset: 258, LeaderEpoch: 7, Timestamp: time.UnixMilli(1_700_000_000_123),
		Key: []byte("k\x01"), Value: []byte(`{"a": 1}`),
		Headers: []kafka.Header{{Name: "h", Value: []byte("x")}, {Name: "h"}},
	}
}

func TestPercentOutput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`%t/%p/%o@%e\n`:                    "orders/3/258@7\n",
		`%T %K %V %S %H %i`:                "6 2 8 8 2 1",
		`%k|%v|%s`:                         "k\x01|{\"a\": 1}|{\"a\": 1}",
		`%k{hex} %k{base64} %k{base64raw}`: "6b01 awE= awE",
		`%v{json} %k{json} %t{json}`:       `{"a":1} "k\u0001" "orders"`,
		`%h{%k=%v;}`:                       "h=x;h=;",
		`%h{%K%V,}`:                        "11,1-1,",
		`%o{hex} %o{hex64} %o{hex32} %o{hex16} %o{hex8} %o{hex4}`: "102 0000000000000102 00000102 0102 02 2",
		`%o{big64}%o{big32}%o{big16}%o{big8}`:                     "\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x01\x02\x01\x02\x02",
		`%o{little32}%o{little16}%o{byte}`:                        "\x02\x01\x00\x00\x02\x01\x02",
		`%o{bool}`:                                                "true",
		`%d %d{hex} %d{go[2006-01-02T15:04:05.000Z07:00]} %d{strftime[%Y/%m/%d %H:%M:%S]}`:          "1700000000123 18bcfe5687b 2023-11-14T22:13:20.123Z 2023/11/14 22:13:20",
		`%k{unpack[bB]} %k{unpack[>H]} %k{unpack[<H]} %k{unpack[q]} %k{unpack[c$]} %k{unpack[cxs]}`: "1071 27393 363 <too short> k<1 bytes left> k \x01",
	} {
		f, err := console.ParseFormat(text, console.Output)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		r := sample()
		if got := string(console.NewPrinter(console.PrintOptions{Format: f}).Append(nil, &r)); got != want {
			t.Errorf("%s\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestPercentOutputOfNull(t *testing.T) {
	t.Parallel()
	f, err := console.ParseFormat(`%k|%K|%v{hex}|%V{big16}|%v{json}|%V{bool}|%d`, console.Output)
	if err != nil {
		t.Fatal(err)
	}
	r := kafka.Record{}
	if got := string(console.NewPrinter(console.PrintOptions{Format: f, Null: "NULL"}).Append(nil, &r)); got != "NULL|-1|NULL|\xff\xff|null|false|-1" {
		t.Errorf("%q", got)
	}
}

func TestTerminalOutputIsEscaped(t *testing.T) {
	t.Parallel()
	r := kafka.Record{Topic: "t", Key: []byte("\x1b[31m"), Value: []byte("a\x1b]0;x\x07\u202e\n\tb\x9b"), Headers: []kafka.Header{{Name: "\x1b", Value: []byte("\x07")}}}
	all := console.Line{Topic: true, Timestamp: true, Partition: true, Offset: true, Headers: true, Key: true}
	for text, want := range map[string]string{
		"":                   "Topic:t\tNO_TIMESTAMP\tPartition:0\tOffset:0\t\\x1b:\\x07\t\\x1b[31m\ta\\x1b]0;x\\x07\\u202e\n\tb\\x9b\n",
		"raw":                "a\\x1b]0;x\\x07\\u202e\n\tb\\x9b\n",
		"\\x1b[1m%k\\x1b[0m": "\x1b[1m\\x1b[31m\x1b[0m", // the user's own literal
		"%k{unpack[s]}":      `\x1b[31m`,
		"%V{big32}":          `\x00\x00\x00\x0e`,
	} {
		opts := console.PrintOptions{Terminal: true, Line: all}
		if text != "" {
			var err error
			if opts.Format, err = console.ParseFormat(text, console.Output); err != nil {
				t.Fatal(err)
			}
		}
		got := string(console.NewPrinter(opts).Append(nil, &r))
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", text, got, want)
		}
	}
	if got := string(console.NewPrinter(console.PrintOptions{}).Append(nil, &r)); got != string(r.Value)+"\n" {
		t.Errorf("a pipe gets %q", got)
	}
}

func TestTableIsCutToTheTerminal(t *testing.T) {
	t.Parallel()
	f, err := console.ParseFormat("table", console.Output)
	if err != nil {
		t.Fatal(err)
	}
	p := console.NewPrinter(console.PrintOptions{Format: f, Terminal: true, Width: 90})
	r := kafka.Record{Topic: "t", Value: []byte(strings.Repeat("東", 100))}
	for line := range strings.Lines(string(p.Append(nil, &r))) {
		if n := utf8.RuneCountInString(line); n > 91 {
			t.Errorf("%d wide: %q", n, line)
		}
	}
}

// No format lets a byte of a record act on a terminal.
func FuzzTerminalOutput(f *testing.F) {
	f.Add("%t %k %v %h{%k%v} %V{big32} %d{hex}", []byte("\x1b\u009b\u202e"))
	f.Add("table", []byte("\x9b"))
	f.Add("%v{json}%k{unpack[cs]}", []byte("\"\u009b\""))
	f.Add("json", []byte("\u2028"))
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		format, err := console.ParseFormat(text, console.Output)
		if err != nil {
			return
		}
		p := console.NewPrinter(console.PrintOptions{Format: format, Terminal: true, Width: 80, Line: console.Line{Key: true, Headers: true}})
		r := kafka.Record{Topic: string(b), Key: b, Value: b, Headers: []kafka.Header{{Name: string(b), Value: b}}, Offset: int64(len(b)) << 7}
		var literal strings.Builder
		for _, part := range format.Parts {
			if part.Field == console.Literal || part.Field == console.Headers || part.Field == console.Timestamp {
				literal.WriteString("x")
			}
		}
		got := strings.NewReplacer("\n", "", "\t", "").Replace(string(p.Append(nil, &r)))
		if literal.Len() == 0 && (strings.ContainsFunc(got, terminal.Acts) || !utf8.ValidString(got)) {
			t.Fatalf("%q lets %q through", text, got)
		}
	})
}

// Key and value are seen on every terminal; what tells where they lie makes room.
func TestTableShowsKeyAndValueOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	f, err := console.ParseFormat("table", console.Output)
	if err != nil {
		t.Fatal(err)
	}
	stamp := time.Date(2026, 11, 26, 9, 10, 11, 0, time.UTC)
	plain := kafka.Record{Topic: "notification.events", Partition: 11, Offset: 1234567, Timestamp: stamp, Key: []byte("tenant-4"), Value: []byte(`{"id":7,"amount":12,"note":"a longer one"}`)}
	event := plain
	event.Headers = []kafka.Header{{Name: "event-type", Value: []byte("notification.sent")}}
	long := plain
	long.Key = []byte("0193c1de-6f9d-7b2a-9a55-1f2e3d4c5b6a")
	for _, tt := range []struct {
		width int
		r     kafka.Record
		want  string
	}{
		{0, plain, "TOPIC         PARTITION      OFFSET  TIMESTAMP                 KEY               VALUE  HEADERS\n" +
			`notification.events         11     1234567  2026-11-26T09:10:11.000Z  tenant-4          {"id":7,"amount":12,"note":"a longer one"}` + "\n"},
		{120, plain, "TOPIC                PARTITION      OFFSET  TIMESTAMP                 KEY               VALUE  HEADERS\n" +
			`notification.events         11     1234567  2026-11-26T09:10:11.000Z  tenant-4          {"id":7,"amount":12,"note":"a l…` + "\n"},
		{80, plain, "TOPIC           P    OFFSET  TIME      KEY               VALUE  HEADERS\n" +
			`notificatio…   11   1234567  09:10:11  tenant-4          {"id":7,"amount":12,"n…` + "\n"},
		{80, event, "  P    OFFSET  TYPE                      KEY               VALUE  HEADERS\n" +
			` 11   1234567  notification.sent         tenant-4          {"id":7,"amount":12,…` + "\n"},
		{60, plain, "  P    OFFSET  KEY               VALUE  HEADERS\n" +
			` 11   1234567  tenant-4          {"id":7,"amount":12,"note"…` + "\n"},
		{60, long, "  P    OFFSET  KEY               VALUE  HEADERS\n" +
			` 11   1234567  0193c1de-6f9d-7b2a-9…  {"id":7,"amount":12,"…` + "\n"},
		{36, plain, "KEY         VALUE  HEADERS\n" + `tenant-4    {"id":7,"amount":12,"no…` + "\n"},
		{5, plain, "KEY …\ntena…\n"},
	} {
		got := string(console.NewPrinter(console.PrintOptions{Format: f, Terminal: tt.width > 0, Width: tt.width}).Append(nil, &tt.r))
		if got != tt.want {
			t.Errorf("%d columns:\n%swant\n%s", tt.width, got, tt.want)
		}
	}
}
