package cmd

import (
	"errors"
	"runtime"
	"strings"
)

// splitWords splits a command line into words as a shell does, but for
// everything that a shell would do beside: quotes group, a backslash takes the
// next character as it is (on Windows only before a quote), and nothing is
// expanded or run.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text) && (runtime.GOOS != "windows" || text[i+1] == '"'):
			i++
			word.WriteByte(text[i])
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// shellWord is a word of a command line that a message shows, to be copied into a
// shell: as it is where no shell sees anything in it, and otherwise in quotes.
func shellWord(s string) string {
	if runtime.GOOS == "windows" {
		return quotedUnless(plainSigns+`\`, s, `"`+strings.ReplaceAll(s, `"`, `\"`)+`"`)
	}
	return posixWord(s)
}

// plainSigns are those that no shell sees anything in.
const plainSigns = "-_./:@,+=%"

// posixWord is shellWord for sh on every system.
func posixWord(s string) string {
	return quotedUnless(plainSigns, s, "'"+strings.ReplaceAll(s, "'", `'\''`)+"'")
}

// quotedUnless is s where it has letters, digits and plain signs alone.
func quotedUnless(plain, s, quoted string) string {
	other := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(plain, r)
	}
	if s == "" || strings.ContainsFunc(s, other) {
		return quoted
	}
	return s
}
