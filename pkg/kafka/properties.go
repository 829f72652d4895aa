package kafka

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxProperties bounds a properties file, in bytes.
const maxProperties = 4 << 20

// ParseProperties reads a Java properties file as java.util.Properties.load
// does: `key=value`, `key: value` or `key value`, comments with # or !, lines
// continued by a backslash, and \t \n \r \f \uXXXX escapes. Of a key that
// stands there twice the last one wins. A file that is valid UTF-8 is read as
// UTF-8, another one as ISO 8859-1, which is Java's own encoding; both agree
// on ASCII.
//
// A malformed escape or a file of more than 4 MiB is [ErrConfig] with the line;
// no error holds a value.
func ParseProperties(r io.Reader) (map[string]string, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxProperties+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxProperties {
		return nil, mark(ErrConfig, fmt.Errorf("properties: larger than %d MiB", maxProperties>>20))
	}
	text := string(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if !utf8.ValidString(text) {
		text = latin1(text)
	}
	props := map[string]string{}
	for n := 0; text != ""; {
		var line string
		line, text = cutJavaLine(text)
		n++
		start := n
		line = strings.TrimLeft(line, javaBlanks)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		var logical strings.Builder
		for continued(line) {
			logical.WriteString(line[:len(line)-1])
			line, text = cutJavaLine(text)
			n++
			line = strings.TrimLeft(line, javaBlanks)
		}
		logical.WriteString(line)
		key, value := splitProperty(logical.String())
		name, err := unescapeJava(key)
		if err != nil {
			return nil, mark(ErrConfig, fmt.Errorf("line %d: key: %w", start, err))
		}
		props[name], err = unescapeJava(value)
		if err != nil {
			return nil, mark(ErrConfig, fmt.Errorf("line %d: value of %s: %w", start, name, err))
		}
	}
	return props, nil
}

// javaBlanks are what java.util.Properties takes for white space.
const javaBlanks = " \t\f"

// cutJavaLine takes the first line, which ends at \n, \r or \r\n.
func cutJavaLine(text string) (line, rest string) {
	i := strings.IndexAny(text, "\r\n")
	switch {
	case i < 0:
		return text, ""
	case strings.HasPrefix(text[i:], "\r\n"):
		return text[:i], text[i+2:]
	}
	return text[:i], text[i+1:]
}

// continued tells whether the line ends with an odd number of backslashes.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty cuts a logical line at the first separator that no backslash
// escapes: blanks, then at most one = or :, then blanks.
func splitProperty(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
			continue
		}
		if strings.IndexByte(javaBlanks+"=:", line[i]) >= 0 {
			end = i
			break
		}
	}
	value = strings.TrimLeft(line[end:], javaBlanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], javaBlanks)
	}
	return line[:end], value
}

func unescapeJava(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			break // a lone backslash at the end of the file says nothing
		}
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, size, err := unicodeEscape(s[i:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += size - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unicodeEscape reads uXXXX, and a second \uXXXX where the two are a
// surrogate pair. It returns how many bytes of s it took.
func unicodeEscape(s string) (rune, int, error) {
	first, err := hex4(s)
	if err != nil {
		return 0, 0, err
	}
	const escape = len(`uXXXX`)
	if utf16.IsSurrogate(first) && strings.HasPrefix(s[escape:], `\u`) {
		second, err := hex4(s[escape+1:])
		if err != nil {
			return 0, 0, err
		}
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, 2*escape + 1, nil
		}
	}
	return first, escape, nil
}

func hex4(s string) (rune, error) {
	if len(s) < len(`uXXXX`) {
		return 0, fmt.Errorf(`\u wants four hexadecimal digits`)
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	if err != nil {
		return 0, fmt.Errorf(`\u wants four hexadecimal digits`)
	}
	return rune(n), nil
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
