package strictjson

import (
	"encoding/json"
	"unicode/utf8"
)

// Decode reads the one value that data holds: objects as map[string]any, arrays
// as []any, numbers as json.Number with the digits they were written with. The
// error is a *SyntaxError.
func Decode(data []byte) (any, error) {
	var s Scanner
	s.Reset(data)
	v, err := s.Decode()
	if err != nil {
		return nil, err
	}
	return v, s.End()
}

// Check is Decode for a caller that needs no value.
func Check(data []byte) error {
	var s Scanner
	s.Reset(data)
	if err := s.Skip(); err != nil {
		return err
	}
	return s.End()
}

// Decode reads the next value as the function of the same name does.
func (s *Scanner) Decode() (any, error) {
	switch c := s.Peek(); c {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		t, err := s.Text()
		return string(t.Bytes()), err
	case 't':
		return true, s.Literal("true")
	case 'f':
		return false, s.Literal("false")
	case 'n':
		return nil, s.Literal("null")
	default:
		n, err := s.Number()
		return json.Number(n.Raw), err
	}
}

func (s *Scanner) object() (any, error) {
	m := map[string]any{}
	more, err := s.OpenObject()
	for more && err == nil {
		var key []byte
		if key, err = s.Key(); err != nil {
			break
		}
		if m[string(key)], err = s.Decode(); err != nil {
			break
		}
		more, err = s.NextMember()
	}
	return m, err
}

func (s *Scanner) array() (any, error) {
	list := []any{}
	more, err := s.OpenArray()
	for more && err == nil {
		var v any
		if v, err = s.Decode(); err != nil {
			break
		}
		list = append(list, v)
		more, err = s.NextElement()
	}
	return list, err
}

// AppendString appends s as a JSON string with the escapes that JSON demands
// and no others. Bytes that are no UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		} else if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = appendEscaped(append(dst, s[from:i]...), c)
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// appendEscaped appends a byte that cannot stand in a JSON string.
func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c >= utf8.RuneSelf:
		return utf8.AppendRune(dst, utf8.RuneError)
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
