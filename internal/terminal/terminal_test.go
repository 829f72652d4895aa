package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"plain, żółw 東京 👩‍🚀":    "plain, żółw 東京 👩‍🚀",
		"\x1b[31mred\x07":       `\x1b[31mred\x07`,
		"a\nb\r\tc\x00\x7f":     `a\nb\r\tc\x00\x7f`,
		"\u009b2J":              `\u009b2J`, // CSI as one C1 rune
		"\x9b2J":                `\x9b2J`,   // and as a bare byte, which is no UTF-8
		"user\u202egpj.exe":     `user\u202egpj.exe`,
		"\u2066x\u2069\u200f":   `\u2066x\u2069\u200f`,
		"\u2028\u2029":          `\u2028\u2029`,
		"\xff\xfe\xc3":          `\xff\xfe\xc3`,
		"replacement \ufffd ok": "replacement \ufffd ok",
	} {
		if got := terminal.Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
		if got := string(terminal.AppendEscape([]byte("> "), []byte(in))); got != "> "+want {
			t.Errorf("AppendEscape(%q) = %q", in, got)
		}
	}
	if got := terminal.Lines("a\nb\x1b\n"); got != "a\nb\\x1b\n" {
		t.Errorf("Lines: %q", got)
	}
}

func TestWriterEscapesAcrossWrites(t *testing.T) {
	t.Parallel()
	text := "żółw\n\u202e\x1b[0m\xff\t👩‍🚀 end\xc5"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		w := terminal.NewWriter(&out)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if got, err := w.Write([]byte(rest[:n])); got != n || err != nil {
				t.Fatalf("wrote %d of %d: %v", got, n, err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if want := "żółw\n\\u202e\\x1b[0m\\xff\t👩‍🚀 end\\xc5"; out.String() != want {
			t.Fatalf("in pieces of %d: %q, want %q", size, out.String(), want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("\x1b]0;title\x07\u009b\x9b\u202e\xe2\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := terminal.Escape(string(b))
		for _, r := range got {
			if terminal.Acts(r) {
				t.Fatalf("Escape(%q) = %q holds %U", b, got, r)
			}
		}
		if !utf8.ValidString(got) {
			t.Fatalf("Escape(%q) = %q is no UTF-8", b, got)
		}
		if !strings.ContainsFunc(string(b), terminal.Acts) && utf8.Valid(b) && got != string(b) {
			t.Fatalf("Escape changed harmless %q to %q", b, got)
		}
		var whole, pieces bytes.Buffer
		w := terminal.NewWriter(&whole)
		_, _ = w.Write(b)
		_ = w.Flush()
		p := terminal.NewWriter(&pieces)
		for i := range b {
			_, _ = p.Write(b[i : i+1])
		}
		_ = p.Flush()
		if whole.String() != pieces.String() {
			t.Fatalf("one write %q, single bytes %q", whole.String(), pieces.String())
		}
		if plain := strings.NewReplacer("\n", "", "\t", "").Replace(whole.String()); terminal.Escape(plain) != plain {
			t.Fatalf("writer let %q through", plain)
		}
	})
}
