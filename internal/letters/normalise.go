package letters

import (
	"bytes"
	"strings"
)

// What of a message is looked at, and what is kept of it.
const (
	maxNormalIn  = 4 << 10
	maxNormalOut = 512
	maxChunk     = 256 // how far ahead the end of an address or a path is looked for
)

// Placeholders for what varies. A number, an id and a hash share one: which of
// them eight random digits are is chance.
const (
	someNumber   = "<n>"
	someTime     = "<time>"
	someDuration = "<duration>"
	someURL      = "<url>"
	someEmail    = "<email>"
	someHost     = "<host>"
	someAddress  = "<ip>"
	someText     = "<text>"
	someBool     = "<bool>"
)

// Normalise returns a message without what varies between two failures of one
// kind: addresses, hosts, times, durations, ids, hashes and numbers become
// placeholders, spaces are joined, and lists of alike things become one. Words
// stay. Two messages of more than 512 bytes are told apart by their beginnings.
func Normalise(message string) string { return string(appendNormal(nil, message)) }

func appendNormal(dst []byte, message string) []byte {
	n := normaliser{s: message[:min(len(message), maxNormalIn)], out: dst, start: len(dst)}
	for n.i < len(n.s) && len(n.out)-n.start < maxNormalOut+64 {
		n.step()
	}
	out := n.out
	for len(out) > n.start && out[len(out)-1] == ' ' {
		out = out[:len(out)-1]
	}
	if len(out)-n.start > maxNormalOut {
		return append(out[:n.start], clip(string(out[n.start:]), maxNormalOut)...)
	}
	return out
}

// normaliser reads s from i on; it always stands at the beginning of a word or
// on what is no part of one.
type normaliser struct {
	s     string
	i     int
	out   []byte
	start int // where the message begins in out
}

func (n *normaliser) step() {
	switch c := n.s[n.i]; {
	case c <= ' ' || c == 0x7f:
		if len(n.out) > n.start && n.out[len(n.out)-1] != ' ' {
			n.out = append(n.out, ' ')
		}
		n.i++
	case isWord(c):
		n.word()
	case c == '=':
		n.out = append(n.out, c)
		n.i++
		n.value()
	case c == '@':
		n.out = append(n.out, c)
		n.i++
		n.objectHash()
	case (c == '-' || c == '+') && n.atSign():
		n.i++
		n.word()
	case c == '/' || c == '\\' || (c == '.' || c == '~') && n.i+1 < len(n.s) && strings.IndexByte(`./\`, n.s[n.i+1]) >= 0:
		n.path()
	case c == ':' && strings.HasPrefix(n.s[n.i:], "::"):
		if k := matchIPv6(n.s[n.i:]); k > 0 {
			n.put(someAddress, k)
			return
		}
		n.copy(1)
	default:
		n.copy(1)
	}
}

// copy takes the next k bytes as they are.
func (n *normaliser) copy(k int) {
	n.out = append(n.out, n.s[n.i:n.i+k]...)
	n.i += k
}

// put writes a placeholder for the next k bytes. One that repeats the last,
// with nothing but a comma between, adds nothing: lists differ in length.
func (n *normaliser) put(placeholder string, k int) {
	n.i += k
	text := bytes.TrimRight(n.out[n.start:], " ")
	if list, comma := bytes.CutSuffix(text, []byte(",")); comma || placeholder == someTime {
		if bytes.HasSuffix(list, []byte(placeholder)) {
			n.out = n.out[:n.start+len(list)]
			return
		}
	}
	n.out = append(n.out, placeholder...)
}

// atSign tells a sign that belongs to the number after it.
func (n *normaliser) atSign() bool {
	if n.i+1 >= len(n.s) || n.s[n.i+1] < '0' || n.s[n.i+1] > '9' {
		return false
	}
	return n.i == 0 || !isWord(n.s[n.i-1]) && n.s[n.i-1] != '>'
}

// value stands after a "=": a quoted text or a truth value varies there.
func (n *normaliser) value() {
	rest := n.s[n.i:]
	if rest == "" {
		return
	}
	if q := rest[0]; q == '"' || q == '\'' {
		if end := strings.IndexByte(rest[1:], q); end >= 0 {
			n.put(someText, end+2)
		}
		return
	}
	for _, word := range []string{"true", "false", "True", "False"} {
		if strings.HasPrefix(rest, word) && (len(rest) == len(word) || !isWord(rest[len(word)])) {
			n.put(someBool, len(word))
			return
		}
	}
}

// objectHash stands after a "@": Java shows an object without a text of its
// own as Class@1b6d3586.
func (n *normaliser) objectHash() {
	k := 0
	for k < len(n.s)-n.i && isHex(n.s[n.i+k]) {
		k++
	}
	if k >= 4 && k <= 16 && (n.i+k == len(n.s) || !isWord(n.s[n.i+k])) {
		n.put(someNumber, k)
	}
}

// path takes a file's path, whose segments with a digit vary.
func (n *normaliser) path() {
	end := n.i
	for end < min(len(n.s), n.i+maxChunk) && !isBreak(n.s[end]) {
		end++
	}
	chunk := strings.TrimRight(n.s[n.i:end], ".:!?")
	if len(chunk) < 2 || strings.ContainsAny(chunk, "=@") || strings.Count(chunk, "/")+strings.Count(chunk, `\`) < 2 {
		n.copy(1)
		return
	}
	// A line number after the path is for the next steps.
	if i := strings.LastIndexByte(chunk, ':'); i > 0 {
		chunk = chunk[:i]
	}
	for i := 0; i < len(chunk); {
		k := i
		for k < len(chunk) && chunk[k] != '/' && chunk[k] != '\\' {
			k++
		}
		if segment := chunk[i:k]; strings.ContainsAny(segment, "0123456789") {
			n.out = append(n.out, someNumber...)
		} else {
			n.out = append(n.out, segment...)
		}
		if k < len(chunk) {
			n.out = append(n.out, chunk[k])
			k++
		}
		i = k
	}
	n.i += len(chunk)
}

// isWord tells letters, digits and whatever is no ASCII.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isBreak tells what ends an address or a path.
func isBreak(c byte) bool {
	return c <= ' ' || c == 0x7f || strings.IndexByte("\"'`<>()[]{},;|", c) >= 0
}
