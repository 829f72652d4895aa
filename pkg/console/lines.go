package console

import "bytes"

// lineStatus is what a lineReader found.
type lineStatus int

const (
	lineReady   lineStatus = iota // a line is there
	lineStarved                   // feed the next block
	lineTooLong                   // a line passed the bound; the rest of it is skipped
)

// lineReader cuts blocks into lines. A line within one block is a part of that
// block; one that spans blocks is put together in a buffer of its own, which
// never grows past the bound. A returned line is valid until the next call.
type lineReader struct {
	delim []byte
	crlf  bool // a \r before the delimiter belongs to it
	max   int

	rest     []byte // of the fed block
	end      bool   // the fed block is the source's last
	carry    []byte // start of a line that goes on in the next block
	tail     []byte // last bytes of the line so far that may begin a delimiter
	skipping bool   // inside a line that was too long
	line     int64  // lines begun so far in this source
	begun    bool   // the line under way has bytes
}

// newLineReader cuts at delim, of at least one byte; nil stands for a newline
// with an optional carriage return before it.
func newLineReader(delim []byte, bound int) *lineReader {
	r := &lineReader{delim: delim, max: bound}
	if delim == nil {
		r.delim, r.crlf = []byte{'\n'}, true
	}
	return r
}

// feed gives the reader its next block, once it is starved. A block that ends
// its source ends the source's last line, unless that is empty; the lines of
// the next source are numbered from 1 again.
func (r *lineReader) feed(data []byte, end bool) {
	if r.end {
		r.line = 0
	}
	r.rest, r.end = data, end
}

// next gives the next line, without its delimiter.
func (r *lineReader) next() ([]byte, lineStatus) {
	for {
		if len(r.rest) == 0 {
			return r.atBlockEnd()
		}
		piece, found := r.cut()
		if r.skipping {
			if found {
				r.endLine()
			}
			continue
		}
		if len(r.carry) == 0 && found {
			r.endLine()
			line := r.trim(piece)
			if len(line) > r.max {
				return line[:r.max], lineTooLong
			}
			return line, lineReady
		}
		if status, ok := r.append(piece, found); ok {
			return r.takeCarry(), status
		}
	}
}

// cut takes the bytes up to the delimiter, or all that is left of the block.
func (r *lineReader) cut() ([]byte, bool) {
	if !r.begun {
		r.begun = true
		r.line++
	}
	if len(r.delim) == 1 {
		if i := bytes.IndexByte(r.rest, r.delim[0]); i >= 0 {
			piece := r.rest[:i]
			r.rest = r.rest[i+1:]
			return piece, true
		}
		piece := r.rest
		r.rest = nil
		return piece, false
	}
	return r.cutLong()
}

// cutLong is cut for a delimiter of several bytes, which may itself be split
// between two blocks: tail holds what may be its start.
func (r *lineReader) cutLong() ([]byte, bool) {
	if len(r.tail) > 0 {
		window := append(bytes.Clone(r.tail), r.rest[:min(len(r.rest), len(r.delim)-1)]...)
		if i := bytes.Index(window, r.delim); i >= 0 {
			overlap := len(r.tail) - i
			if !r.skipping {
				r.carry = r.carry[:len(r.carry)-overlap]
			}
			r.rest = r.rest[len(r.delim)-overlap:]
			return nil, true
		}
	}
	if i := bytes.Index(r.rest, r.delim); i >= 0 {
		piece := r.rest[:i]
		r.rest = r.rest[i+len(r.delim):]
		return piece, true
	}
	piece := r.rest
	r.rest = nil
	r.tail = append(r.tail, piece[max(0, len(piece)-len(r.delim)+1):]...)
	r.tail = r.tail[max(0, len(r.tail)-len(r.delim)+1):]
	return piece, false
}

// append adds a piece to the line under way; ok says that it is settled.
func (r *lineReader) append(piece []byte, found bool) (status lineStatus, ok bool) {
	// A carriage return or a split delimiter may still go.
	slack := len(r.delim)
	if room := r.max + slack - len(r.carry); len(piece) > room {
		r.carry = append(r.carry, piece[:room]...)
		if found {
			r.endLine()
		} else {
			r.skipping = true
		}
		return lineTooLong, true
	}
	r.carry = append(r.carry, piece...)
	if !found {
		return 0, false
	}
	r.endLine()
	if len(r.trim(r.carry)) > r.max {
		return lineTooLong, true
	}
	return lineReady, true
}

func (r *lineReader) takeCarry() []byte {
	line := r.trim(r.carry)
	r.carry = r.carry[:0]
	return line[:min(len(line), r.max)]
}

func (r *lineReader) endLine() {
	r.begun, r.skipping = false, false
	r.tail = r.tail[:0]
}

// atBlockEnd starves, or ends the source's last line.
func (r *lineReader) atBlockEnd() ([]byte, lineStatus) {
	if !r.end || !r.begun {
		return nil, lineStarved
	}
	skipping := r.skipping
	r.endLine()
	if skipping {
		r.carry = r.carry[:0]
		return nil, lineStarved
	}
	status := lineReady
	if len(r.trim(r.carry)) > r.max {
		status = lineTooLong
	}
	return r.takeCarry(), status
}

func (r *lineReader) trim(line []byte) []byte {
	if r.crlf && len(line) > 0 && line[len(line)-1] == '\r' {
		return line[:len(line)-1]
	}
	return line
}
