// Package topicname is Kafka's rule for the names of topics.
package topicname

import "strings"

// MaxLength is the longest name in bytes: a partition's directory, the name with a
// dash, a number and a suffix, must fit a file name.
const MaxLength = 249

// Valid tells whether Kafka has topics of such a name: 1 to 249 of the characters a-z,
// A-Z, 0-9, '.', '_' and '-', and neither "." nor "..".
func Valid(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= MaxLength &&
		strings.IndexFunc(name, func(r rune) bool { return !Rune(r) }) < 0
}

// Rune tells the characters that a name may have.
func Rune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}
