package console

import (
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
)

// shownInput is how much of a line that was too long a reject keeps.
const shownInput = 4 << 10

// rejectWriter writes what was not sent as envelopes with the members error,
// line and source beside the record's own, so that the file is input again
// once the cause is gone. A line that could not be read is kept as it was, in
// the member input.
type rejectWriter struct {
	out  io.Writer
	each func(Rejected) error // takes the place of out
	buf  []byte
}

// record writes a record that was read. topic is empty where it had none.
func (w *rejectWriter) record(rec *inRecord, topic string, at Place, cause error) error {
	if w.each != nil {
		return w.each(Rejected{Place: at, Value: rec.value, Err: cause})
	}
	b := append(w.buf[:0], '{')
	if topic != "" {
		b = append(appendJSONString(append(b, `"topic":`...), topic), ',')
	}
	if rec.partition != noPartition {
		b = append(strconv.AppendInt(append(b, `"partition":`...), int64(rec.partition), 10), ',')
	}
	if rec.timestamp != noTime {
		b = append(appendTimestamp(append(b, `"timestamp":`...), batchTime(rec.timestamp)), ',')
	}
	b = appendJSONBytes(append(b, `"key":`...), rec.key, `,"key_encoding":"base64"`)
	b = appendJSONBytes(append(b, `,"value":`...), rec.value, `,"value_encoding":"base64"`)
	b = append(b, `,"headers":[`...)
	for i, h := range rec.headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONBytes(append(b, `{"key":`...), notNil(h.name), `,"key_encoding":"base64"`)
		b = appendJSONBytes(append(b, `,"value":`...), h.value, `,"encoding":"base64"`)
		b = append(b, '}')
	}
	return w.write(append(b, ']'), at, cause)
}

// line writes input that could not be read.
func (w *rejectWriter) line(text []byte, whole bool, at Place, cause error) error {
	if w.each != nil {
		return w.each(Rejected{Place: at, Value: text, Err: cause})
	}
	if !whole {
		text = text[:min(len(text), shownInput)]
		// Half a character at the cut would turn all of it into base64.
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRune(text); r != utf8.RuneError || size != 1 {
				break
			}
			text = text[:len(text)-1]
		}
	}
	b := appendJSONBytes(append(w.buf[:0], `{"input":`...), notNil(text), `,"input_encoding":"base64"`)
	if !whole {
		b = append(b, `,"input_cut":true`...)
	}
	return w.write(b, at, cause)
}

func (w *rejectWriter) write(b []byte, at Place, cause error) error {
	b = append(b, `,"line":`...)
	b = strconv.AppendInt(b, at.N, 10)
	if at.Source != "" {
		b = appendJSONBytes(append(b, `,"source":`...), []byte(at.Source), "")
	}
	b = appendJSONString(append(b, `,"error":`...), valid(cause.Error()))
	w.buf = append(b, '}', '\n')
	if _, err := w.out.Write(w.buf); err != nil {
		return fmt.Errorf("writing the rejects: %w", err)
	}
	return nil
}

// valid makes text from elsewhere valid UTF-8.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strconv.QuoteToASCII(text)
}

// sentRecord turns a record of a batch back into what was read, without the
// headers that every record got.
func (b *batch) sentRecord(i, extra int) *inRecord {
	r := &b.records[i]
	rec := &inRecord{key: r.Key, value: r.Value, partition: noPartition, timestamp: b.timeOf(i)}
	for _, h := range r.Headers[:len(r.Headers)-extra] {
		rec.headers = append(rec.headers, rawHeader{name: h.Key, value: h.Value})
	}
	return rec
}

// codecOf is the compression that a name stands for.
func codecOf(name string) (sarama.CompressionCodec, error) {
	switch name {
	case "", "none":
		return sarama.CompressionNone, nil
	case "gzip":
		return sarama.CompressionGZIP, nil
	case "snappy":
		return sarama.CompressionSnappy, nil
	case "lz4":
		return sarama.CompressionLZ4, nil
	case "zstd":
		return sarama.CompressionZSTD, nil
	}
	return 0, fmt.Errorf("compression %q: want none, gzip, snappy, lz4 or zstd", name)
}

// clock is the time that records without one get. Asking the system for each
// record costs more than reading it.
type clock struct {
	now   int64
	until int
}

func (c *clock) millis() int64 {
	if c.until == 0 {
		c.now, c.until = time.Now().UnixMilli(), 64
	}
	c.until--
	return c.now
}

// refresh makes the next time a new one, as after a wait.
func (c *clock) refresh() { c.until = 0 }
