package terminal

import (
	"io"
	"unicode/utf8"
)

// Writer escapes a stream on its way to a terminal: as [Escape] does, but
// newlines and tabs stay.
type Writer struct {
	out  io.Writer
	tail []byte // the beginning of a rune whose rest has not come yet
	buf  []byte
}

// NewWriter returns a Writer to out. The caller calls [Writer.Flush] at the end.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write escapes b and writes it through. A rune cut off at the end of b waits
// for the next Write or Flush.
func (w *Writer) Write(b []byte) (int, error) {
	n := len(b)
	if len(w.tail) > 0 {
		b = append(w.tail, b...)
	}
	whole := len(b) - cutRune(b)
	w.append(b[:whole])
	w.tail = append([]byte(nil), b[whole:]...)
	if err := w.emit(); err != nil {
		return 0, err
	}
	return n, nil
}

// Flush writes what waits for the rest of a rune, as invalid bytes.
func (w *Writer) Flush() error {
	w.append(w.tail)
	w.tail = nil
	return w.emit()
}

func (w *Writer) append(b []byte) {
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] != '\n' && b[n] != '\t' {
			n++
		}
		w.buf = AppendEscape(w.buf, b[:n])
		if n < len(b) {
			w.buf = append(w.buf, b[n])
			n++
		}
		b = b[n:]
	}
}

func (w *Writer) emit() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// cutRune counts the bytes at b's end that begin a rune without its rest.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
