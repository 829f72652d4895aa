package console_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/console"
)

func lit(s string) console.Part {
	return console.Part{Field: console.Literal, Literal: []byte(s)}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]console.Part{
		`%v\n`: {{Field: console.Value}, lit("\n")},
		`%t/%p/%o %k=%s\x00\t\r\\%%%{%}`: {
			{Field: console.Topic}, lit("/"), {Field: console.Partition}, lit("/"), {Field: console.Offset}, lit(" "),
			{Field: console.Key}, lit("="), {Field: console.Value}, lit("\x00\t\r\\%{}"),
		},
		`%K{big32}%k%V{little64}%v`: {
			{Field: console.KeyLen, Number: console.Big, Width: 4}, {Field: console.Key},
			{Field: console.ValueLen, Number: console.Little, Width: 8}, {Field: console.Value},
		},
		`%T{hex}%S{hex16}%H{byte}%e{bool}%i{number}`: {
			{Field: console.TopicLen, Number: console.HexNum}, {Field: console.ValueLen, Number: console.HexNum, Width: 4},
			{Field: console.HeaderCount, Number: console.Big, Width: 1}, {Field: console.LeaderEpoch, Number: console.Bool}, {Field: console.Iteration},
		},
		`%h{%k=%v{hex} }.`: {{Field: console.Headers, Header: []console.Part{
			{Field: console.Key}, lit("="), {Field: console.Value, Text: console.HexText}, lit(" "),
		}}, lit(".")},
		`%v{unpack[<iq$]}%k{base64raw}%v{json}`: {
			{Field: console.Value, Text: console.Unpack, Pattern: "<iq$"}, {Field: console.Key, Text: console.Base64Raw}, {Field: console.Value, Text: console.JSONText},
		},
		`%d %d{go[2006-01-02]} %d{go##15:04}##} %d{strftime{[%F %T]}}%d{big64}`: {
			{Field: console.Timestamp}, lit(" "), {Field: console.Timestamp, Time: console.GoTime, Layout: "2006-01-02"}, lit(" "),
			{Field: console.Timestamp, Time: console.GoTime, Layout: "15:04}"}, lit(" "),
			{Field: console.Timestamp, Time: console.Strftime, Layout: "%F %T"}, {Field: console.Timestamp, Number: console.Big, Width: 8},
		},
	} {
		got, err := console.ParseFormat(text, console.Output)
		if err != nil {
			t.Errorf("ParseFormat(%q): %v", text, err)
			continue
		}
		if !reflect.DeepEqual(got.Parts, want) {
			t.Errorf("ParseFormat(%q)\n got %+v\nwant %+v", text, got.Parts, want)
		}
	}
}

func TestParseInputFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]console.Part{
		`%k{re[\d+]} %v{json}`: {{Field: console.Key, Text: console.Regexp, Pattern: `\d+`}, lit(" "), {Field: console.Value, Text: console.JSONText}},
		`%K{3}%k%v\n`:          {{Field: console.KeyLen, Number: console.Exact, Width: 3}, {Field: console.Key}, {Field: console.Value}, lit("\n")},
		`%p %o %d{strftime[%F]}\t%H{big16}%h{%K{byte}%k%V{byte}%v}%v\n`: {
			{Field: console.Partition}, lit(" "), {Field: console.Offset}, lit(" "), {Field: console.Timestamp, Time: console.Strftime, Layout: "%F"}, lit("\t"),
			{Field: console.HeaderCount, Number: console.Big, Width: 2}, {Field: console.Headers, Header: []console.Part{
				{Field: console.KeyLen, Number: console.Big, Width: 1}, {Field: console.Key},
				{Field: console.ValueLen, Number: console.Big, Width: 1}, {Field: console.Value},
			}}, {Field: console.Value}, lit("\n"),
		},
	} {
		got, err := console.ParseFormat(text, console.Input)
		if err != nil {
			t.Errorf("ParseFormat(%q): %v", text, err)
			continue
		}
		if !reflect.DeepEqual(got.Parts, want) {
			t.Errorf("ParseFormat(%q)\n got %+v\nwant %+v", text, got.Parts, want)
		}
	}
}

func TestParseFormatNamesTheMistake(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		dir  console.Direction
		want string
	}{
		{"", console.Output, `format is empty`},
		{"yaml", console.Output, `format "yaml": want json, jsonl, raw, hex, table or verbs such as %v\n`},
		{"table", console.Input, `for output only`},
		{"%v %z", console.Output, `format "%v %z" at 4: unknown verb "%z"`},
		{"%", console.Output, `at 1: unknown verb "%"`},
		{"%i\n", console.Input, `unknown verb "%i"`},
		{`%v\`, console.Output, `at 3: unknown escape`},
		{`\q`, console.Output, `at 1: unknown escape`},
		{`\x4`, console.Output, `at 1: \x needs two hexadecimal digits`},
		{`%v{`, console.Output, `at 3: no } closes this`},
		{`%v{big32}`, console.Output, `at 3: unknown modifier {big32}: want hex, base64, base64raw, json or unpack[…]`},
		{`%V{big12}`, console.Output, `at 3: unknown modifier {big12}`},
		{`%V{big4}`, console.Output, `unknown modifier {big4}`},
		{`%V{3}`, console.Output, `unknown modifier {3}`},
		{`%V{hex}`, console.Input, `unknown modifier {hex}`},
		{`%v{re[x]}`, console.Output, `unknown modifier {re[x]}`},
		{`%v{re[(]}`, console.Input, `missing closing )`},
		{`%v{unpack[z]}`, console.Output, `unknown letter "z"`},
		{`%v{unpack[<i}`, console.Output, `at 10: no ]} closes this`},
		{`%d{go[2006}`, console.Output, `no ]} closes this`},
		{`%d{iso}`, console.Output, `unknown modifier {iso}: want go[…], strftime[…]`},
		{`%h`, console.Output, `%h needs the format of a header`},
		{`%h{%k`, console.Output, `no } closes this`},
		{`%h{%p}`, console.Output, `unknown verb "%p": want one of %k %K %v %V %% inside %h`},
		{`%h{%k}`, console.Input, `%h needs the number of headers, %H, before it`},
		{`%H%h{%k%v}`, console.Input, `in %h: %k ends nowhere before %v`},
		{`%k%v\n`, console.Input, `%k ends nowhere before %v: put a separator between them or give its length`},
		{`%p%o %v\n`, console.Input, `%p ends nowhere before %o`},
		{`%k %K%v\n`, console.Input, `%K must stand before %k`},
		{`%v %v\n`, console.Input, `%v is given twice`},
	} {
		_, err := console.ParseFormat(tt.text, tt.dir)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseFormat(%q): %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestParseFormatKeywords(t *testing.T) {
	t.Parallel()
	for _, k := range []console.Keyword{console.JSON, console.JSONL, console.Raw, console.Hex, console.Table} {
		f, err := console.ParseFormat(string(k), console.Output)
		if err != nil || f.Keyword != k || f.Parts != nil {
			t.Errorf("%s: %+v, %v", k, f, err)
		}
	}
}
