package kafka

import (
	"errors"
	"fmt"
	"strings"
)

// jaasEntry is the value of sasl.jaas.config: one login module and its options.
type jaasEntry struct {
	module  string
	options map[string]string
}

// The login modules of Kafka's Java client, without their packages.
const (
	modulePlain  = "PlainLoginModule"
	moduleScram  = "ScramLoginModule"
	moduleOAuth  = "OAuthBearerLoginModule"
	moduleKrb5   = "Krb5LoginModule"
	jaasTokenEnd = "=;"
)

// parseJAAS reads a JAAS entry as Kafka's Java client does:
//
//	org.apache.kafka.common.security.plain.PlainLoginModule required
//	    username="alice" password="x";
//
// Values may stand in single or double quotes with backslash escapes, or bare.
// Its errors never hold a value, which may be a secret.
func parseJAAS(text string) (jaasEntry, error) {
	s := jaasScanner{text: text}
	entry := jaasEntry{options: map[string]string{}}
	class, err := s.word("a login module")
	if err != nil {
		return jaasEntry{}, err
	}
	entry.module = class[strings.LastIndexByte(class, '.')+1:]
	flag, err := s.word("a control flag")
	if err != nil {
		return jaasEntry{}, err
	}
	switch strings.ToLower(flag) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return jaasEntry{}, errors.New("control flag is not required, requisite, sufficient or optional")
	}
	for {
		name, quoted, err := s.next()
		switch {
		case err != nil:
			return jaasEntry{}, err
		case name == "" && !quoted:
			return jaasEntry{}, errors.New("no ; at the end")
		case name == ";" && !quoted:
			if rest, quoted, err := s.next(); err != nil || rest != "" || quoted {
				return jaasEntry{}, errors.New("more than one login module")
			}
			return entry, nil
		}
		if quoted {
			return jaasEntry{}, fmt.Errorf("a quoted text where an option name belongs, after %d options", len(entry.options))
		}
		if name == "=" {
			return jaasEntry{}, fmt.Errorf("option %d has no name", len(entry.options)+1)
		}
		if equals, quoted, err := s.next(); err != nil || equals != "=" || quoted {
			return jaasEntry{}, fmt.Errorf("option %d has no value (is an = or a quote missing?)", len(entry.options)+1)
		}
		value, quoted, err := s.next()
		if err != nil || !quoted && (value == "" || strings.Contains(jaasTokenEnd, value)) {
			return jaasEntry{}, fmt.Errorf("option %d has no value, or its quotes do not match", len(entry.options)+1)
		}
		entry.options[name] = value
	}
}

// jaasScanner cuts a JAAS entry into words, quoted texts, = and ;.
type jaasScanner struct {
	text string
	at   int
}

func (s *jaasScanner) word(what string) (string, error) {
	token, quoted, err := s.next()
	if err != nil {
		return "", err
	}
	if quoted || token == "" || token == "=" || token == ";" {
		return "", fmt.Errorf("no %s", strings.TrimPrefix(what, "a "))
	}
	return token, nil
}

// next returns the next token, and whether it stood in quotes; an empty one
// that did not is the end.
func (s *jaasScanner) next() (token string, quoted bool, err error) {
	if err := s.skip(); err != nil {
		return "", false, err
	}
	if s.at == len(s.text) {
		return "", false, nil
	}
	c := s.text[s.at]
	switch {
	case c == '"' || c == '\'':
		token, err = s.quoted(c)
		return token, true, err
	case strings.IndexByte(jaasTokenEnd, c) >= 0:
		s.at++
		return string(c), false, nil
	}
	start := s.at
	for s.at < len(s.text) && !blank(s.text[s.at]) && strings.IndexByte(jaasTokenEnd+`"'`, s.text[s.at]) < 0 {
		s.at++
	}
	return s.text[start:s.at], false, nil
}

// skip passes blanks and comments.
func (s *jaasScanner) skip() error {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case blank(rest[0]):
			s.at++
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return errors.New("comment has no end")
			}
			s.at += end + 4
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			s.at += end
		default:
			return nil
		}
	}
	return nil
}

func (s *jaasScanner) quoted(quote byte) (string, error) {
	var b strings.Builder
	for i := s.at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == quote:
			s.at = i + 1
			return b.String(), nil
		case c == '\n' || c == '\r':
			return "", errors.New("a quote is not closed before the end of its line")
		case c == '\\' && i+1 < len(s.text):
			i++
			b.WriteByte(javaEscape(s.text[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a quote is not closed")
}

// javaEscape is what a letter after a backslash stands for in java.io.StreamTokenizer.
func javaEscape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	case 'v':
		return '\v'
	}
	return c
}

func blank(c byte) bool { return c <= ' ' }
