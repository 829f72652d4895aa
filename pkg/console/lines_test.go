package console

import (
	"bytes"
	"strings"
	"testing"
)

// readLines reads text in blocks of the given size and returns its lines, a
// line that was too long as "!" and what was kept of it.
func readLines(text string, delim []byte, bound, size int) []string {
	r := newLineReader(delim, bound)
	var got []string
	drain := func() {
		for {
			line, status := r.next()
			switch status {
			case lineStarved:
				return
			case lineTooLong:
				got = append(got, "!"+string(line))
			default:
				got = append(got, string(line))
			}
		}
	}
	for len(text) > size {
		block := []byte(text[:size])
		r.feed(block, false)
		drain()
		clear(block)
		text = text[size:]
	}
	r.feed([]byte(text), true)
	drain()
	return got
}

// plainLines is what readLines is to return, the slow and simple way.
func plainLines(text string, delim []byte, bound int) []string {
	crlf := delim == nil
	if crlf {
		delim = []byte("\n")
	}
	var want []string
	lines := strings.Split(text, string(delim))
	for i, line := range lines {
		if i == len(lines)-1 && line == "" {
			break
		}
		if crlf {
			line = strings.TrimSuffix(line, "\r")
		}
		if len(line) > bound {
			line = "!" + line[:bound]
		}
		want = append(want, line)
	}
	return want
}

func TestLineReader(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "\n", "a", "a\n", "a\r\nb\n\nc", "\r\n\r", "toolong\nok\n", "waytoolongindeed", "exact\r\nexactx\r\n", "aab--b-ab---", "x--", "--",
	} {
		for _, delim := range []string{"", "\x00", "--", "ab-"} {
			var d []byte
			if delim != "" {
				d = []byte(delim)
			}
			want := strings.Join(plainLines(text, d, 5), "|")
			for size := 1; size <= len(text)+1; size++ {
				if got := strings.Join(readLines(text, d, 5, size), "|"); got != want {
					t.Errorf("%q by %q in blocks of %d: got %q, want %q", text, delim, size, got, want)
				}
			}
		}
	}
}

// The bound holds whatever the line's length, and the next line is whole.
func TestLineReaderStaysSmall(t *testing.T) {
	t.Parallel()
	const bound = 1000
	r := newLineReader(nil, bound)
	block := bytes.Repeat([]byte{'x'}, 1<<20)
	long := 0
	for range 64 {
		r.feed(block, false)
		for status := lineReady; status != lineStarved; {
			if _, status = r.next(); status == lineTooLong {
				long++
			}
		}
	}
	if long != 1 || cap(r.carry) > 4*bound {
		t.Errorf("told %d times, keeps %d bytes", long, cap(r.carry))
	}
	r.feed([]byte("\nnext\n"), true)
	if line, status := r.next(); status != lineReady || string(line) != "next" || r.line != 2 {
		t.Errorf("line %d: %q, %v", r.line, line, status)
	}
}

func FuzzLineReader(f *testing.F) {
	f.Add("a\r\nbb\n", "", uint8(1))
	f.Add("aab-ab--ab-", "ab-", uint8(2))
	f.Fuzz(func(t *testing.T, text, delim string, size uint8) {
		var d []byte
		if delim != "" {
			d = []byte(delim)
		}
		want := plainLines(text, d, 9)
		got := readLines(text, d, 9, int(size)+1)
		if strings.Join(got, "\x00|") != strings.Join(want, "\x00|") {
			t.Fatalf("%q by %q in blocks of %d: got %q, want %q", text, delim, int(size)+1, got, want)
		}
	})
}

func FuzzKeySeparator(f *testing.F) {
	f.Add("a:b:c", ":", false)
	f.Add("6162\t63", "\t", true)
	f.Fuzz(func(t *testing.T, line, sep string, hexed bool) {
		if sep == "" {
			return
		}
		d := rawDecoder{keySep: []byte(sep), hex: hexed}
		var rec inRecord
		err := d.decode([]byte(line), &rec)
		key, value, ok := strings.Cut(line, sep)
		if !ok && err == nil {
			t.Fatalf("%q without %q is %q and %q", line, sep, rec.key, rec.value)
		}
		if hexed || !ok {
			return
		}
		if err != nil || rec.key == nil || rec.value == nil || string(rec.key) != key || string(rec.value) != value {
			t.Fatalf("%q at %q: %q and %q, %v", line, sep, rec.key, rec.value, err)
		}
	})
}
