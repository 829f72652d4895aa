// Package terminal makes text from elsewhere harmless to print: record bytes,
// names, error messages and log lines may hold escape sequences that would act
// on the reader's terminal.
package terminal

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Escape replaces every C0 and C1 control, DEL, bidirectional control and
// invalid UTF-8 byte of s by a visible form (\n, \x1b, \u202e). Text without
// any comes back as it is.
func Escape(s string) string { return escape(s, false) }

// Lines is Escape for text of several lines: newlines stay.
func Lines(s string) string { return escape(s, true) }

func escape(s string, keepNewline bool) string {
	clean := true
	for _, r := range s {
		if unsafe(r) && (r != '\n' || !keepNewline) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' && keepNewline:
			b.WriteByte('\n')
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unsafe(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unsafe tells the runes that act on a terminal instead of showing. The
// replacement rune is among them because range yields it for invalid bytes.
func unsafe(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	case r == 0x2028, r == 0x2029, r == utf8.RuneError:
		return true
	}
	return false
}
