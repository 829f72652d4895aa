package letters

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// maxValue bounds the values whose members are looked at, in bytes.
const maxValue = 16 << 20

// WithError returns value, an event as JSON, with what failed in its error
// member, as the existing Node services write a letter: {"name": class,
// "message": …} with attempts and group where known. An error member that is
// there is replaced; all other bytes stay. A value that is no JSON object comes
// back as it is.
func WithError(value []byte, l Letter) []byte {
	clean := value
	if without, ok := cutMember(value, "error"); ok {
		clean = without
	}
	end := bytes.LastIndexByte(clean, '}')
	if end < 0 || !isObject(clean) {
		return value
	}
	told := struct {
		Name     string `json:"name,omitempty"`
		Message  string `json:"message,omitempty"`
		Stack    string `json:"stack,omitempty"`
		Group    string `json:"group,omitempty"`
		Attempts int    `json:"attempts,omitempty"`
	}{l.Class, clip(l.Message, MaxMessage), clip(l.Stack, MaxStack), clip(l.Group, maxText), l.Attempts}
	text, err := json.Marshal(told)
	if err != nil {
		return value // strings and numbers always encode
	}
	body := bytes.TrimRight(clean[:end], " \t\r\n")
	out := make([]byte, 0, len(clean)+len(text)+16)
	out = append(out, body...)
	if body[len(body)-1] != '{' {
		out = append(out, ',')
	}
	out = append(out, `"error":`...)
	out = append(out, text...)
	return append(out, clean[end:]...)
}

// WithoutError takes the error member out of a value as the existing Node
// services write a letter, and tells what it said. All other bytes stay. ok is
// false when value is no JSON object or has no such member; clean is value then.
func WithoutError(value []byte) (clean []byte, l Letter, ok bool) {
	if !hasErrorMember(value) {
		return value, l, false
	}
	clean, ok = cutMember(value, "error")
	if !ok {
		return value, l, false
	}
	l = Letter{Format: Node, Origin: nowhere(), Hop: nowhere()}
	l.readError(value)
	return clean, l, true
}

// hasErrorMember is a quick look that spares most values the parser.
func hasErrorMember(value []byte) bool {
	return len(value) <= maxValue && bytes.Contains(value, []byte(`"error"`)) && isObject(value)
}

// isObject tells a valid JSON object, with nothing but spaces around it.
func isObject(value []byte) bool {
	trimmed := bytes.TrimLeft(value, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && len(value) <= maxValue && json.Valid(value)
}

// readError reads the error member of a valid object.
func (l *Letter) readError(value []byte) {
	var raw json.RawMessage
	eachMember(value, func(m member) {
		if m.name == "error" {
			raw = value[m.valueStart:m.valueEnd] // of several the last counts, as in JavaScript
		}
	})
	var text string
	if json.Unmarshal(raw, &text) == nil {
		l.Message = clip(text, maxReadMessage)
		return
	}
	var members map[string]any
	if json.Unmarshal(raw, &members) != nil {
		l.Message = clip(string(raw), maxReadMessage)
		return
	}
	first := func(names ...string) string {
		for _, name := range names {
			switch v := members[name].(type) {
			case string:
				if v != "" {
					return v
				}
			case float64:
				return strconv.FormatFloat(v, 'f', -1, 64)
			}
		}
		return ""
	}
	l.Class = clip(first("name", "class", "type", "code"), maxReadText)
	l.Message = clip(first("message", "msg", "reason", "description"), maxReadMessage)
	l.Stack = clip(first("stack", "stackTrace", "stacktrace"), maxReadStack)
	l.Group = clip(first("group", "groupId", "consumerGroup"), maxReadText)
	if cause, ok := members["cause"].(map[string]any); ok {
		if name, ok := cause["name"].(string); ok {
			l.Cause = clip(name, maxReadText)
		}
	}
	if n, ok := first("attempts", "retries", "retryCount"), true; ok {
		l.Attempts = count([]byte(n), false)
	}
	if at := first("timestamp", "failedAt", "time"); at != "" {
		l.FailedAt = instant([]byte(at), false)
	}
	if l.Class == "" && l.Message == "" && l.Stack == "" {
		l.Message = clip(string(raw), maxReadMessage)
	}
}

// readValue looks into the value of a letter whose headers tell no error.
func (l *Letter) readValue(value []byte) {
	if hasErrorMember(value) {
		if _, ok := cutMember(value, "error"); ok {
			l.Format = Node
			l.readError(value)
			return
		}
	}
	l.Shape = shape(value)
}

// shape describes a value by what does not vary between two alike.
func shape(value []byte) string {
	switch {
	case value == nil:
		return "null"
	case len(value) == 0:
		return "empty"
	case value[0] == 0 && len(value) >= 5:
		return "schema " + strconv.FormatUint(uint64(value[1])<<24|uint64(value[2])<<16|uint64(value[3])<<8|uint64(value[4]), 10)
	case len(value) > maxValue || !json.Valid(value):
		return "not JSON"
	}
	if !isObject(value) {
		return "JSON, no object"
	}
	var names []string
	kind := ""
	eachMember(value, func(m member) {
		if len(names) < 40 {
			names = append(names, clip(m.name, 64))
		}
		if text := value[m.valueStart:m.valueEnd]; (m.name == "type" || m.name == "eventType") && text[0] == '"' && len(text) < 128 {
			kind = clip(string(text), 256)
		}
	})
	return "JSON " + kind + "{" + strings.Join(names, ",") + "}"
}
