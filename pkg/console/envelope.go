package console

import (
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// The members of the envelope and their fixed values. Producer and consumer
// share them; the order is the order they are written in.
const (
	memberTopic         = "topic"
	memberPartition     = "partition"
	memberOffset        = "offset"
	memberTimestamp     = "timestamp"
	memberTimestampType = "timestamp_type"
	memberKey           = "key"
	memberKeyEncoding   = "key_encoding" // of the record, and of a header's name
	memberValue         = "value"
	memberValueEncoding = "value_encoding"
	memberHeaders       = "headers"
	memberEncoding      = "encoding" // of a header's value

	encodingBase64 = "base64"

	keyIsBase64 = `,"` + memberKeyEncoding + `":"` + encodingBase64 + `"`

	stampCreate = "create" // [kafka.CreateTime]
	stampAppend = "append" // [kafka.LogAppendTime]

	// timestampLayout is RFC 3339 in UTC with exactly three decimals.
	timestampLayout = "2006-01-02T15:04:05.000Z"
)

// AppendEnvelope appends the record's lossless envelope to dst: one JSON
// object on one line, without a newline at its end.
//
//	{"topic":"t","partition":0,"offset":12,"timestamp":"2026-11-23T09:12:01.123Z","timestamp_type":"create",
//	 "key":"a","value":"…","headers":[{"key":"h","value":"x"},{"key":"h","value":null}]}
//
// Bytes that are valid UTF-8 are JSON strings; others are base64, told by the
// member key_encoding, value_encoding or, in a header, key_encoding and
// encoding. null is null. A record without a timestamp has null there, and one
// outside the years 0 to 9999 its milliseconds as a number. Controls and
// bidirectional marks are written as \u escapes, so the line is safe to show.
func AppendEnvelope(dst []byte, r *kafka.Record) []byte {
	dst = append(dst, `{"`+memberTopic+`":`...)
	dst = appendJSONString(dst, r.Topic)
	dst = append(dst, `,"`+memberPartition+`":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"`+memberOffset+`":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, `,"`+memberTimestamp+`":`...)
	dst = appendTimestamp(dst, r.Timestamp)
	if r.TimestampType == kafka.LogAppendTime {
		dst = append(dst, `,"`+memberTimestampType+`":"`+stampAppend+`"`...)
	} else {
		dst = append(dst, `,"`+memberTimestampType+`":"`+stampCreate+`"`...)
	}
	dst = append(dst, `,"`+memberKey+`":`...)
	dst = appendJSONBytes(dst, r.Key, keyIsBase64)
	dst = append(dst, `,"`+memberValue+`":`...)
	dst = appendJSONBytes(dst, r.Value, `,"`+memberValueEncoding+`":"`+encodingBase64+`"`)
	dst = append(dst, `,"`+memberHeaders+`":[`...)
	for i := range r.Headers {
		h := &r.Headers[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"`+memberKey+`":`...)
		if utf8.ValidString(h.Name) {
			dst = appendJSONString(dst, h.Name)
		} else {
			dst = appendBase64(dst, h.Name)
			dst = append(dst, keyIsBase64...)
		}
		dst = append(dst, `,"`+memberValue+`":`...)
		dst = appendJSONBytes(dst, h.Value, `,"`+memberEncoding+`":"`+encodingBase64+`"`)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func appendTimestamp(dst []byte, t time.Time) []byte {
	switch {
	case t.IsZero():
		return append(dst, "null"...)
	case t.UTC().Year() < 0 || t.UTC().Year() > 9999:
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	}
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, timestampLayout)
	return append(dst, '"')
}

// appendJSONBytes appends null, a string, or base64 followed by the member
// that says so.
func appendJSONBytes(dst, b []byte, marker string) []byte {
	switch {
	case b == nil:
		return append(dst, "null"...)
	case utf8.Valid(b):
		return appendJSONString(dst, b)
	}
	return append(appendBase64(dst, b), marker...)
}

func appendBase64[T []byte | string](dst []byte, b T) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(b))
	return append(dst, '"')
}

// appendJSONString appends UTF-8 as a JSON string. Beyond what JSON asks for it
// escapes what acts on a terminal.
func appendJSONString[T []byte | string](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			return append(dst, '"')
		}
		c := s[0]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
			// A topic's name from a broker gone mad is the only text that may be invalid.
			if terminal.Acts(r) || r == utf8.RuneError && size == 1 {
				dst = append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
			} else {
				dst = append(dst, s[:size]...)
			}
			s = s[size:]
			continue
		}
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		s = s[1:]
	}
}

// plainPrefix counts the bytes before the first that is not printable ASCII,
// or that JSON escapes. It looks at eight bytes at a time: records are mostly
// such text.
func plainPrefix[T []byte | string](s T) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// A byte's top bit ends up set when it is above 0x7e, below 0x20, a quote
		// or a backslash; a borrow can only add a bit above such a byte.
		if (w|(w+ones)|(w-ones*0x20)|((quote-ones)&^quote)|((slash-ones)&^slash))&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			break
		}
	}
	return i
}
