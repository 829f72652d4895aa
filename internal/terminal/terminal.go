// Package terminal makes text from elsewhere harmless to print: record bytes,
// names, error messages and log lines may hold escape sequences that would act
// on the reader's terminal.
package terminal

import "unicode/utf8"

// Escape replaces every C0 and C1 control, DEL, bidirectional control, line
// separator and invalid UTF-8 byte of s by a visible form (\n, \x1b, \u202e).
// Text without any comes back as it is.
func Escape(s string) string { return escape(s, false) }

// Lines is Escape for text of several lines: newlines stay.
func Lines(s string) string { return escape(s, true) }

func escape(s string, keepNewline bool) string {
	if n := safePrefix(s, keepNewline); n == len(s) {
		return s
	}
	return string(appendEscaped(make([]byte, 0, len(s)+16), s, keepNewline))
}

// AppendEscape appends what [Escape] makes of b to dst.
func AppendEscape(dst, b []byte) []byte { return appendEscaped(dst, b, false) }

func appendEscaped[T []byte | string](dst []byte, s T, keepNewline bool) []byte {
	for {
		n := safePrefix(s, keepNewline)
		dst = append(dst, s[:n]...)
		if s = s[n:]; len(s) == 0 {
			return dst
		}
		r, size := decode(s)
		dst = appendVisible(dst, r, s[0], size)
		s = s[size:]
	}
}

// safePrefix counts the bytes before the first that must be replaced.
func safePrefix[T []byte | string](s T, keepNewline bool) int {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f || c == '\n' && keepNewline {
			i++
			continue
		}
		r, size := decode(s[i:])
		if r == utf8.RuneError && size == 1 || Acts(r) {
			return i
		}
		i += size
	}
	return len(s)
}

func decode[T []byte | string](s T) (rune, int) {
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}

// appendVisible appends the visible form of a rune, or of the byte first when
// it is no valid UTF-8.
func appendVisible(dst []byte, r rune, first byte, size int) []byte {
	const digits = "0123456789abcdef"
	switch {
	case r == utf8.RuneError && size == 1:
		return append(dst, '\\', 'x', digits[first>>4], digits[first&15])
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r < 0x80:
		return append(dst, '\\', 'x', digits[r>>4], digits[r&15])
	}
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// Acts tells whether a rune acts on a terminal instead of showing: C0 and C1
// controls, DEL, bidirectional controls, line and paragraph separators. All of
// them lie in the basic multilingual plane.
func Acts(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return r == 0x2028 || r == 0x2029
}
