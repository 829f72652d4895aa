package console

import (
	"fmt"
	"strings"
)

// Direction says what a format is for: some verbs and modifiers have a meaning
// in one direction only.
type Direction byte

// The directions of a format.
const (
	Output Direction = iota // records are written
	Input                   // records are read
)

// Keyword is a format that has a name instead of verbs.
type Keyword string

// The keywords. None stands for a format of verbs.
const (
	None  Keyword = ""
	JSON  Keyword = "json"  // the envelope over several lines
	JSONL Keyword = "jsonl" // the envelope, one line a record
	Raw   Keyword = "raw"   // the value's bytes and a newline
	Hex   Keyword = "hex"   // the value in hexadecimal digits and a newline
	Table Keyword = "table" // columns for a person; output only
)

// Field is what a part of a format stands for.
type Field byte

// The fields and their verbs. A length counts bytes and is -1 for null.
const (
	Literal     Field = iota // text outside verbs
	Topic                    // %t
	TopicLen                 // %T
	Key                      // %k; inside %h{…} the header's name
	KeyLen                   // %K
	Value                    // %v and %s
	ValueLen                 // %V and %S
	Headers                  // %h{…}
	HeaderCount              // %H
	Partition                // %p
	Offset                   // %o
	LeaderEpoch              // %e
	Timestamp                // %d
	Iteration                // %i: records so far, from 1; output only
	Event                    // %E: the event's type, see EventType; output only
)

// TextForm is how the bytes of a topic, key or value are written or read.
type TextForm byte

// The forms of text and their modifiers.
const (
	Plain     TextForm = iota // as they are
	HexText                   // {hex}
	Base64                    // {base64}, with padding
	Base64Raw                 // {base64raw}, without
	JSONText                  // {json}: a JSON value as it stands; on output other bytes become a JSON string
	Unpack                    // {unpack[…]}: Pattern as in Python's struct; output only
	Regexp                    // {re[…]}: what Pattern matches at this place; input only
)

// NumberForm is how a number is written or read.
type NumberForm byte

// The forms of numbers and their modifiers. Width gives their size.
const (
	ASCII  NumberForm = iota // {ascii}, {number}: decimal
	HexNum                   // {hex64}…{hex4}: Width digits; {hex}: Width 0, as many as needed, output only
	Big                      // {big64}…{big8}, {byte}: Width bytes
	Little                   // {little64}…{little8}: Width bytes
	Bool                     // {bool}: true or false
	Exact                    // {7}: not in the data, it is Width; input only
)

// TimeForm is how a timestamp is written or read.
type TimeForm byte

// The forms of timestamps.
const (
	Millis   TimeForm = iota // a number of milliseconds since 1970, in the part's NumberForm
	GoTime                   // {go[…]}: Layout of package time, UTC
	Strftime                 // {strftime[…]}: Layout of strftime(3), UTC
)

// Part is one verb of a format, or the text between verbs.
type Part struct {
	Field   Field
	Literal []byte     // of Literal
	Text    TextForm   // of Topic, Key and Value
	Pattern string     // of Unpack and Regexp
	Number  NumberForm // of lengths, counts, ids and Millis
	Width   int        // of Number
	Time    TimeForm   // of Timestamp
	Layout  string     // of GoTime and Strftime
	Header  []Part     // of Headers: Key, KeyLen, Value, ValueLen and Literal
}

// Format is a parsed -f: a keyword, or parts in order.
type Format struct {
	Keyword Keyword
	Parts   []Part
}

// ParseFormat reads a format as the -f flag takes it: a keyword, or text with
// the percent verbs of rpk and kcl, such as "%p/%o %k{hex} %v\n". The error
// names the place in text, its cause, and what is possible there.
func ParseFormat(text string, dir Direction) (*Format, error) {
	switch k := Keyword(text); k {
	case JSON, JSONL, Raw, Hex:
		return &Format{Keyword: k}, nil
	case Table:
		if dir == Input {
			return nil, fmt.Errorf("format %q: for output only", text)
		}
		return &Format{Keyword: k}, nil
	case None:
		return nil, fmt.Errorf("format is empty: want json, jsonl, raw, hex, table or verbs such as %%v\\n")
	}
	if !strings.ContainsAny(text, `%\`) {
		return nil, fmt.Errorf("format %q: want json, jsonl, raw, hex, table or verbs such as %%v\\n", text)
	}
	p := &formatParser{text: text, dir: dir}
	parts, err := p.parts("")
	if err != nil {
		return nil, err
	}
	if dir == Input {
		if err := checkInput(parts); err != nil {
			return nil, fmt.Errorf("format %q: %w", text, err)
		}
	}
	return &Format{Parts: parts}, nil
}

// checkInput refuses what cannot be read back: two parts with nothing that
// tells where the first ends, and lengths after what they measure.
func checkInput(parts []Part) error {
	var sized, seen [Event + 1]bool
	var before Part
	for _, p := range parts {
		if runsOn(before, sized) && p.Field != Literal && p.Number != Exact && (!isNumber(before.Field) || isNumber(p.Field)) {
			return fmt.Errorf("%s ends nowhere before %s: put a separator between them or give its length", verbOf(before.Field), verbOf(p.Field))
		}
		if p.Field != Literal && seen[p.Field] {
			return fmt.Errorf("%s is given twice", verbOf(p.Field))
		}
		seen[p.Field] = true
		switch p.Field {
		case TopicLen, KeyLen, ValueLen:
			measured := p.Field - 1
			if seen[measured] {
				return fmt.Errorf("%s must stand before %s", verbOf(p.Field), verbOf(measured))
			}
			sized[measured] = true
		case Headers:
			if !seen[HeaderCount] {
				return fmt.Errorf("%%h needs the number of headers, %%H, before it")
			}
			if err := checkInput(p.Header); err != nil {
				return fmt.Errorf("in %%h: %w", err)
			}
		}
		before = p
	}
	return nil
}

// runsOn tells whether a part's end is known only from what follows it.
func runsOn(p Part, sized [Event + 1]bool) bool {
	switch p.Field {
	case Topic, Key, Value:
		return p.Text != JSONText && p.Text != Regexp && !sized[p.Field]
	case Literal, Headers:
		return false
	case Timestamp:
		return p.Time != Millis || p.Number == ASCII
	}
	return p.Number == ASCII
}

func isNumber(f Field) bool {
	switch f {
	case Literal, Topic, Key, Value, Headers, Event:
		return false
	}
	return true
}

func verbOf(f Field) string {
	const verbs = " tTkKvVhHpoediE"
	return "%" + verbs[f:f+1]
}
