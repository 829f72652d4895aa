package fix

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// A Draft is a value in the form in which a person edits it. JSON in one line is
// spread over many, and put together again afterwards; what is not text is
// base64.
type Draft struct {
	original []byte
	text     []byte
	form     form
}

type form int

const (
	asText form = iota
	asJSON
	asBase64
)

// base64Line is the length of a line of base64.
const base64Line = 76

// NewDraft makes a Draft of a value. A null value is edited as an empty one.
func NewDraft(value []byte) *Draft {
	d := &Draft{original: value, text: value}
	var compact, spread bytes.Buffer
	switch {
	case !utf8.Valid(value) || bytes.IndexByte(value, 0) >= 0:
		d.form = asBase64
		d.text = wrap(base64.StdEncoding.EncodeToString(value))
	case len(value) > 0 && json.Compact(&compact, value) == nil && bytes.Equal(compact.Bytes(), value) && json.Indent(&spread, value, "", "  ") == nil:
		d.form = asJSON
		d.text = append(spread.Bytes(), '\n')
	}
	return d
}

func wrap(text string) []byte {
	var out []byte
	for len(text) > base64Line {
		out = append(append(out, text[:base64Line]...), '\n')
		text = text[base64Line:]
	}
	return append(append(out, text...), '\n')
}

// Text is what is edited.
func (d *Draft) Text() []byte { return d.text }

// Name is a name for the file that holds Text, by which an editor knows what it is.
func (d *Draft) Name() string {
	switch d.form {
	case asJSON:
		return "letter.json"
	case asBase64:
		return "letter.base64"
	}
	return "letter.txt"
}

// Value gives the value that an edited text stands for. Text that was not
// changed gives the original bytes.
func (d *Draft) Value(edited []byte) ([]byte, error) {
	if bytes.Equal(edited, d.text) {
		return d.original, nil
	}
	switch d.form {
	case asBase64:
		value, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(edited), nil)))
		if err != nil {
			return nil, fmt.Errorf("no base64 any more: %w", err)
		}
		return value, nil
	case asJSON:
		var compact bytes.Buffer
		var read json.RawMessage
		if err := json.Unmarshal(edited, &read); err != nil {
			return nil, fmt.Errorf("no JSON any more: %s", jsonError(edited, err))
		}
		if err := json.Compact(&compact, edited); err != nil {
			return nil, err
		}
		return compact.Bytes(), nil
	}
	// Editors end a file with a newline, which the value had not.
	if last := len(edited) - 1; last >= 0 && edited[last] == '\n' && !bytes.HasSuffix(d.original, []byte("\n")) {
		edited = edited[:last]
	}
	return edited, nil
}

// jsonError tells the line of what is wrong.
func jsonError(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err.Error()
	}
	at := min(int(syntax.Offset), len(text))
	return fmt.Sprintf("line %d: %v", 1+bytes.Count(text[:at], []byte("\n")), err)
}

// Shown is a value as a person compares it with another: JSON spread over lines.
func Shown(value []byte) []byte {
	var spread bytes.Buffer
	if len(value) > 0 && json.Indent(&spread, value, "", "  ") == nil {
		return spread.Bytes()
	}
	return NewDraft(value).text
}

// Successor makes an edited event another one than it was: with the id that is
// given, and the old one as the cause. A value that is no event, or was none,
// comes back as it is, and so does one whose id was edited already.
func Successor(was, now []byte, id string) []byte {
	old, err := events.Parse(was)
	if err != nil {
		return now
	}
	e, err := events.Parse(now)
	if err != nil || e.ID != old.ID {
		return now
	}
	e.ID, e.CausationID = id, old.ID
	return e.Encode()
}
