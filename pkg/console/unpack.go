package console

import (
	"encoding/binary"
	"strconv"
)

// appendUnpacked writes b as the numbers and characters that the letters of
// pattern take from it: < and > set the byte order, b B h H i I q Q are signed
// and unsigned numbers of 1, 2, 4 and 8 bytes, c and . one character, s the
// rest, $ the end, x a blank; other letters separate nothing. What does not
// fit is told in place.
func appendUnpacked(dst []byte, pattern string, b []byte) []byte {
	var order binary.ByteOrder = binary.BigEndian
	for i := range len(pattern) {
		letter := pattern[i]
		switch letter {
		case '<':
			order = binary.LittleEndian
			continue
		case '>':
			order = binary.BigEndian
			continue
		case 'x', ' ':
			dst = append(dst, ' ')
			continue
		case 's':
			dst = append(dst, b...)
			b = nil
			continue
		case '$':
			if len(b) > 0 {
				dst = append(dst, "<"...)
				dst = strconv.AppendInt(dst, int64(len(b)), 10)
				dst = append(dst, " bytes left>"...)
			}
			continue
		}
		size := unpackSize(letter)
		if len(b) < size {
			return append(dst, "<too short>"...)
		}
		dst = appendPacked(dst, letter, order, b[:size])
		b = b[size:]
	}
	return dst
}

func unpackSize(letter byte) int {
	switch letter {
	case 'h', 'H':
		return 2
	case 'i', 'I':
		return 4
	case 'q', 'Q':
		return 8
	}
	return 1
}

func appendPacked(dst []byte, letter byte, order binary.ByteOrder, b []byte) []byte {
	switch letter {
	case 'b':
		return strconv.AppendInt(dst, int64(int8(b[0])), 10)
	case 'B':
		return strconv.AppendUint(dst, uint64(b[0]), 10)
	case 'h':
		return strconv.AppendInt(dst, int64(int16(order.Uint16(b))), 10)
	case 'H':
		return strconv.AppendUint(dst, uint64(order.Uint16(b)), 10)
	case 'i':
		return strconv.AppendInt(dst, int64(int32(order.Uint32(b))), 10)
	case 'I':
		return strconv.AppendUint(dst, uint64(order.Uint32(b)), 10)
	case 'q':
		return strconv.AppendInt(dst, int64(order.Uint64(b)), 10)
	case 'Q':
		return strconv.AppendUint(dst, order.Uint64(b), 10)
	}
	return append(dst, b[0])
}
