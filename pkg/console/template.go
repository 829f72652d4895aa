package console

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"text/template"
	"time"

	"github.com/google/uuid"
)

// Template makes records up. Its text is that of package text/template with
// these functions:
//
//	seq             1, 2, 3 …
//	int MIN MAX     a whole number, both ends possible
//	float MIN MAX   a fraction
//	bool            true or false
//	pick A B …      one of the arguments
//	letters N       N lower case letters
//	hex N, base64 N N random bytes
//	uuid            a random UUID
//	now, nowMillis  the clock, as RFC 3339 or in milliseconds
//	json V          V as JSON
//
// The same text and seed make the same records but for the clock.
type Template struct {
	text *template.Template
	seq  int64
}

// ParseTemplate reads a template's text. A newline at its end is not part of
// the records. name is for messages.
func ParseTemplate(name, text string, seed uint64) (*Template, error) {
	t := &Template{}
	random := rand.New(rand.NewPCG(seed, 0))
	text = string(bytes.TrimSuffix(bytes.TrimSuffix([]byte(text), []byte("\n")), []byte("\r")))
	var err error
	t.text, err = template.New(name).Option("missingkey=error").Funcs(t.functions(random)).Parse(text)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Template) functions(random *rand.Rand) template.FuncMap {
	fill := func(n int) ([]byte, error) {
		if n < 0 || n > 64<<20 {
			return nil, fmt.Errorf("length %d: want 0 to 67108864", n)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b, nil
	}
	return template.FuncMap{
		"seq": func() int64 { return t.seq },
		"int": func(low, high int64) (int64, error) {
			if high < low || high-low < 0 || high-low == 1<<63-1 {
				return 0, fmt.Errorf("%d to %d: no such range", low, high)
			}
			return low + random.Int64N(high-low+1), nil
		},
		"float": func(low, high float64) float64 { return low + random.Float64()*(high-low) },
		"bool":  func() bool { return random.IntN(2) == 1 },
		"pick": func(of ...any) (any, error) {
			if len(of) == 0 {
				return nil, errors.New("nothing to pick from")
			}
			return of[random.IntN(len(of))], nil
		},
		"letters": func(n int) (string, error) {
			b, err := fill(n)
			for i := range b {
				b[i] = 'a' + b[i]%26
			}
			return string(b), err
		},
		"hex": func(n int) (string, error) {
			b, err := fill(n)
			return hex.EncodeToString(b), err
		},
		"base64": func(n int) (string, error) {
			b, err := fill(n)
			return base64.StdEncoding.EncodeToString(b), err
		},
		"uuid": func() (string, error) {
			b, _ := fill(16)
			id, err := uuid.FromBytes(b)
			id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
			return id.String(), err
		},
		"now":       func() string { return time.Now().UTC().Format(timestampLayout) },
		"nowMillis": func() int64 { return time.Now().UnixMilli() },
		"json": func(v any) (string, error) {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			err := enc.Encode(v)
			return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
		},
	}
}

// templateRecords makes count records, each decoded like a line of input.
type templateRecords struct {
	template *Template
	count    int64
	decode   func(line []byte, rec *inRecord) error
	bound    int
	buf      bytes.Buffer
}

func (t *templateRecords) feed([]byte, bool) {}

func (t *templateRecords) next(rec *inRecord) (inputStatus, error) {
	if t.template.seq >= t.count {
		return recordsEnd, nil
	}
	t.template.seq++
	t.buf.Reset()
	if err := t.template.text.Execute(&t.buf, nil); err != nil {
		return recordsEnd, err
	}
	if t.buf.Len() > t.bound {
		return recordBad, fmt.Errorf("%d bytes, more than the topic takes in one record", t.buf.Len())
	}
	if err := t.decode(t.buf.Bytes(), rec); err != nil {
		return recordBad, err
	}
	return recordReady, nil
}

func (t *templateRecords) place() Place { return Place{Unit: "record", N: t.template.seq} }

func (t *templateRecords) text() ([]byte, bool) { return t.buf.Bytes(), true }
