package strictjson

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a string as it stands between its quotes.
type Text struct {
	raw            []byte
	escaped, ascii bool
}

// Raw is the text between the quotes, escapes and all.
func (t Text) Raw() []byte { return t.raw }

// Plain reports whether the text has no escapes and only ASCII, so that its
// bytes are its characters.
func (t Text) Plain() bool { return t.ascii && !t.escaped }

// Bytes is the string's value; it copies only where there are escapes.
func (t Text) Bytes() []byte {
	if !t.escaped {
		return t.raw
	}
	return unescape(make([]byte, 0, len(t.raw)), t.raw)
}

// Append appends the string's value to dst.
func (t Text) Append(dst []byte) []byte {
	if !t.escaped {
		return append(dst, t.raw...)
	}
	return unescape(dst, t.raw)
}

// Escaped reports whether the value differs from the text between the quotes.
func (t Text) Escaped() bool { return t.escaped }

// Len is the number of characters (code points).
func (t Text) Len() int {
	if t.Plain() {
		return len(t.raw)
	}
	return utf8.RuneCount(t.Bytes())
}

// Text reads a string.
func (s *Scanner) Text() (Text, error) {
	if s.Peek() != '"' {
		return Text{}, s.unexpected("a string")
	}
	start := s.pos + 1
	t := Text{ascii: true}
	for i := start; ; {
		i += plainPrefix(s.data[i:])
		if i >= len(s.data) {
			s.pos = i
			return Text{}, s.errorf("the text ends inside a string")
		}
		switch c := s.data[i]; {
		case c == '"':
			t.raw, s.pos = s.data[start:i:i], i+1
			if !t.ascii && !utf8.Valid(t.raw) {
				s.pos = start
				return Text{}, s.errorf("invalid UTF-8 in a string")
			}
			return t, nil
		case c == '\\':
			n := escapeLen(s.data[i:])
			if n == 0 {
				s.pos = i
				return Text{}, s.errorf("invalid escape in a string")
			}
			t.escaped = true
			i += n
		case c < ' ':
			s.pos = i
			return Text{}, s.errorf("control character %#02x in a string", c)
		default:
			t.ascii = false
			i++
		}
	}
}

// plainPrefix is how many bytes of b, looked at eight at a time, are neither a
// quote, a backslash, a control character nor part of a multi-byte character.
func plainPrefix(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if (w|(w-ones*' ')|(quote-ones)|(slash-ones))&highs != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// escapeLen is the length of the escape at the start of b, 0 for none that is
// allowed. A high surrogate counts together with its low one; alone it stands
// for no character.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(b)
		if r < 0 {
			return 0
		}
		if !utf16.IsSurrogate(r) {
			return 6
		}
		if len(b) >= 12 && utf16.DecodeRune(r, hex4(b[6:])) != utf8.RuneError {
			return 12
		}
	}
	return 0
}

// hex4 reads \uXXXX at the start of b; -1 when it is something else.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape appends the value of raw, whose escapes have been checked.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		n := escapeLen(raw[i:])
		switch c := raw[i+1]; {
		case n == 12:
			dst = utf8.AppendRune(dst, utf16.DecodeRune(hex4(raw[i:]), hex4(raw[i+6:])))
		case n == 6:
			dst = utf8.AppendRune(dst, hex4(raw[i:]))
		default:
			dst = append(dst, simpleEscape(c))
		}
		i += n
	}
	return dst
}

func simpleEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// Number is a number as it is written.
type Number struct {
	// Raw is its text.
	Raw []byte
	// Digits is set when it has neither a fraction nor an exponent.
	Digits bool
}

// Number reads a number.
func (s *Scanner) Number() (Number, error) {
	s.Peek()
	b, i := s.data[s.pos:], 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch whole := digits(b[i:]); {
	case whole == 0:
		if i > 0 {
			return Number{}, s.errorf("a minus sign without digits")
		}
		return Number{}, s.unexpected("a value")
	case whole > 1 && b[i] == '0':
		return Number{}, s.errorf("a number with a leading zero")
	default:
		i += whole
	}
	plain := true
	if i < len(b) && b[i] == '.' {
		n := digits(b[i+1:])
		if n == 0 {
			return Number{}, s.errorf("a number without digits after the point")
		}
		i, plain = i+1+n, false
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i, plain = i+1, false
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n, exponent := digits(b[i:]), 0
		for _, c := range b[i : i+n] {
			exponent = min(exponent*10+int(c-'0'), maxExponent+1)
		}
		if n == 0 || exponent > maxExponent {
			return Number{}, s.errorf("a number whose exponent is missing or beyond %d", maxExponent)
		}
		i += n
	}
	if i > maxNumber {
		return Number{}, s.errorf("a number of more than %d characters", maxNumber)
	}
	s.pos += i
	return Number{b[:i:i], plain}, nil
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
