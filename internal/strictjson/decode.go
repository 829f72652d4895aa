package strictjson

import "encoding/json"

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
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
