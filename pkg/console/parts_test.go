package console

import (
	"fmt"
	"strings"
	"testing"
)

// readParts reads text in blocks of the given size by a percent format.
func readParts(t *testing.T, format, text string, size int) ([]string, error) {
	t.Helper()
	f, err := ParseFormat(format, Input)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	r, err := newPartRecords(ProduceOptions{Format: f}, &topicInfo{maxBytes: 100})
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	var got []string
	drain := func() error {
		for {
			var rec inRecord
			status, err := r.next(&rec)
			switch {
			case err != nil:
				return fmt.Errorf("%v: %w", r.place(), err)
			case status == recordStarved:
				return nil
			}
			got = append(got, show(&rec))
		}
	}
	for len(text) > size {
		block := []byte(text[:size])
		r.feed(block, false)
		if err := drain(); err != nil {
			return got, err
		}
		clear(block)
		text = text[size:]
	}
	r.feed([]byte(text), true)
	return got, drain()
}

func TestPartRecords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, text, want string }{
		{`%k\t%v\n`, "a\tb\tc\n\t\nd\te", `"a" "b\tc" []; "" "" []; "d" "e" []`},
		{`%v\n`, "a\r\nb\n", `null "a" []; null "b" []`},
		{`%k %v`, "a b\nc d\n", `"a" "b" []; "c" "d" []`},
		{`%p/%o %d %t: %v{hex}\n`, "3/9 1795425121123 t: 00ff\n", `null "\x00\xff" [] topic t partition 3 at 1795425121123`},
		{`%d{go[2006-01-02T15:04:05Z07:00]} %v\n`, "2026-11-23T09:12:01Z x\n", `null "x" [] at 1795425121000`},
		{`%d{strftime[%Y-%m-%d]} %v\n`, "2026-11-23 x\n", `null "x" [] at 1795392000000`},
		{`%v{base64},%k{base64raw}\n`, "AAE=,/w\n", `"\xff" "\x00\x01" []`},
		{`%k{json} %v{json}\n`, "1 {\"a\": [1, 2]}\n\"x\" null\n", `"1" "{\"a\": [1, 2]}" []; "\"x\"" "null" []`},
		{`%k{re[\d+]}%v\n`, "12ab\n7\n", `"12" "ab" []; "7" "" []`},
		{`%K{big16}%k%V{big32}%v`, "\x00\x01a\x00\x00\x00\x02\n\n\xff\xff\xff\xff\xff\xff", `"a" "\n\n" []; null null []`},
		{`%V{byte}%v`, "\x02ab\x00\xff", `null "ab" []; null "" []; null null []`},
		{`%V{little16} %v`, "\x01\x00 x", `null "x" []`},
		{`%V{hex8}%v;`, "03abc;ff;", `null "abc" []; null null []`},
		{`%K,%V,%k%v\n`, "2,3,abcde\n-1,0,\n", `"ab" "cde" []; null "" []`},
		{`%V{3}%v`, "abcdef", `null "abc" []; null "def" []`},
		{`%H %h{%K:%k%V:%v,}%v\n`, "2 1:a2:xy,1:a-1:,z\n0 \n", `null "z" ["a"="xy" "a"=null]; null "" []`},
		{`%K{byte}%H{byte}%h{%k=%v;}%k%v\n`, "\x01\x01h=x;kv\n", `"k" "v" ["h"="x"]`},
		{`%k\n%v\n`, "a\nb\nc\nd\n", `"a" "b" []; "c" "d" []`},
	} {
		for size := 1; size <= len(tt.text)+1; size++ {
			got, err := readParts(t, tt.format, tt.text, size)
			if text := strings.Join(got, "; "); err != nil || text != tt.want {
				t.Errorf("%s in blocks of %d:\n got %s, %v\nwant %s", tt.format, size, text, err, tt.want)
				break
			}
		}
	}
}

func TestPartRecordsRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, text, want string }{
		{`%k\t%v\n`, "a\tb\nc\n", `line 2: %k: no "\t" follows it`},
		{`%v{hex}\n`, "0g\n", `line 1: %v: "0g": `},
		{`%p %v\n`, "x y\n", `line 1: %p: "": want a number`},
		{`%p %v\n`, "-2 y\n", `line 1: %p: partition -2`},
		{`%d %v\n`, "-2 y\n", `line 1: %d: timestamp -2: outside`},
		{`%v{json}\n`, "{\"a\":}\n", `line 1: %v: invalid JSON`},
		{`%v{json}\n`, "1 2\n", `2 bytes are left`},
		{`%V{big32}%v`, "\x00\x00\x00\x02a", `record 1: %v: ends too early`},
		{`%V{big32}%v`, "\x7f\xff\xff\xffa", `record 1: %V: length 2147483647: want -1, for null, to 100`},
		{`%V{3}%v;`, "abcxdef;", `record 1: ";": "x" stands there instead`},
		{`%k;%v;`, strings.Repeat("a", 70<<10), `goes on for more than`},
		{`%H %h{%k=%v;}%v\n`, "101 \n", `101 headers: want 0 to 100`},
		{`%v{re[b]}\n`, "a\n", `the expression does not match`},
	} {
		got, err := readParts(t, tt.format, tt.text, 1<<10)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %.20q: %v, error %v, want %q in it", tt.format, tt.text, got, err, tt.want)
		}
	}
}

func FuzzPartRecords(f *testing.F) {
	f.Add(`%k\t%v\n`, []byte("a\tb\n"), uint8(1))
	f.Add(`%K{big16}%k%V{big32}%v`, []byte("\x00\x01a\x00\x00\x00\x01b"), uint8(3))
	f.Add(`%H %h{%k=%v;}%v{json}\n`, []byte("1 a=b;{}\n"), uint8(2))
	f.Add(`%d{strftime[%F %T]} %k{re[a+]}%v{hex}\n`, []byte("2026-11-23 09:12:01 aa00\n"), uint8(7))
	f.Fuzz(func(t *testing.T, format string, text []byte, size uint8) {
		if _, err := ParseFormat(format, Input); err != nil {
			return
		}
		f, _ := ParseFormat(format, Input)
		if f.Keyword != None {
			return
		}
		whole, wholeErr := readParts(t, format, string(text), len(text)+1)
		cut, cutErr := readParts(t, format, string(text), int(size)+1)
		if (wholeErr == nil) != (cutErr == nil) {
			t.Fatalf("%s of %q: whole %v, in blocks of %d %v", format, text, wholeErr, int(size)+1, cutErr)
		}
		if wholeErr == nil && strings.Join(whole, "\n") != strings.Join(cut, "\n") {
			t.Fatalf("%s of %q:\nwhole %q\nblocks %q", format, text, whole, cut)
		}
	})
}
