package letters

import (
	"bytes"
	"encoding/json"
)

// member is where one member of an object stands in its text.
type member struct {
	name                 string
	start                int // of the name's quote
	valueStart, valueEnd int
}

// eachMember calls f for each member of the object that text holds. The text
// must be valid JSON and an object.
func eachMember(text []byte, f func(member)) {
	i := bytes.IndexByte(text, '{') + 1
	for {
		i = skipSpace(text, i)
		if text[i] == '}' {
			return
		}
		if text[i] == ',' {
			i = skipSpace(text, i+1)
		}
		m := member{start: i}
		end := skipString(text, i)
		m.name = string(text[i+1 : end-1])
		if bytes.IndexByte(text[i:end], '\\') >= 0 {
			_ = json.Unmarshal(text[i:end], &m.name) // valid, as all of text is
		}
		m.valueStart = skipSpace(text, skipSpace(text, end)+1)
		m.valueEnd = skipValue(text, m.valueStart)
		f(m)
		i = m.valueEnd
	}
}

// cutMember returns text without the members of that name, and false when
// there is none or text is no JSON object.
func cutMember(text []byte, name string) ([]byte, bool) {
	if !isObject(text) {
		return nil, false
	}
	var members []member
	found := 0
	eachMember(text, func(m member) {
		members = append(members, m)
		if m.name == name {
			found++
		}
	})
	if found == 0 {
		return nil, false
	}
	out := make([]byte, 0, len(text))
	copied, kept := 0, -1
	for i, m := range members {
		if m.name != name {
			kept = i
			continue
		}
		switch {
		case kept >= 0: // with the comma before it
			out = append(out, text[copied:max(copied, members[i-1].valueEnd)]...)
			copied = m.valueEnd
		case i+1 < len(members): // the first: with the comma after it
			out = append(out, text[copied:m.start]...)
			copied = members[i+1].start
		default:
			out = append(out, text[copied:m.start]...)
			copied = m.valueEnd
		}
	}
	return append(out, text[copied:]...), true
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

// skipString returns where the string that begins at i ends.
func skipString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipValue(text []byte, i int) int {
	switch text[i] {
	case '"':
		return skipString(text, i)
	case '{', '[':
		depth := 0
		for {
			switch text[i] {
			case '"':
				i = skipString(text, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' && text[i] > ' ' {
		i++
	}
	return i
}
