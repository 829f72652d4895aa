package eventbus

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// A committed offset carries a note to the partition's next owner: of which topic the
// offset is, what the topic had when the group came to it, which of the records behind
// it are done, and which keys are parked. It is noteMark, the topic's id, the count of
// its partitions and, in base64, the number of parked keys, their hashes, and ranges of
// done offsets, each as its distance from the end of the one before and its length,
// with dots between. What is unknown is left empty.
const (
	noteMark = "mk2."
	// noteBytes keeps a note within the broker's offset.metadata.max.bytes, 4096.
	noteBytes = 2900
	// noteIDBytes bounds a topic's id, which is a UUID in base64.
	noteIDBytes = 22
	// mostParked is how many keys of a partition can be parked at once.
	mostParked = 300
)

// note is what a note says.
type note struct {
	arrival
	done   []offsetRange
	parked []uint64 // hashes of keys
}

// notes is the note to commit with the offset.
func (c *claim) notes() string {
	text := noteMark + c.arrival.String()
	if len(c.parked) == 0 && !c.sub.opts.DoneBits {
		return text
	}
	raw := binary.AppendUvarint(nil, uint64(len(c.parked)))
	hashes := make([]uint64, 0, len(c.parked))
	for h := range c.parked {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		raw = binary.BigEndian.AppendUint64(raw, h)
	}
	at := c.tracker.committable()
	if c.sub.opts.DoneBits {
		for r := range c.tracker.doneRanges {
			raw = binary.AppendUvarint(raw, uint64(r.from-at))
			raw = binary.AppendUvarint(raw, uint64(r.to-r.from))
			if at = r.to; len(raw) > noteBytes-2*binary.MaxVarintLen64 {
				break
			}
		}
	}
	if len(raw) == 1 && len(c.parked) == 0 {
		return text
	}
	return text + base64.RawURLEncoding.EncodeToString(raw)
}

// readNote reads the note that was committed with an offset. Anything but a
// note of ours is none.
func readNote(offset int64, text string) (n note, ok bool) {
	text, ours := strings.CutPrefix(text, noteMark)
	id, text, dotted := strings.Cut(text, ".")
	partitions, text, dottedAgain := strings.Cut(text, ".")
	if !ours || !dotted || !dottedAgain || len(id) > noteIDBytes {
		return note{}, false
	}
	n.arrival = arrival{id: id, partitions: unknownPartitions}
	if partitions != "" {
		count, err := strconv.ParseUint(partitions, 10, 31)
		if err != nil {
			return note{}, false
		}
		n.partitions = int32(count)
	}
	if text == "" {
		return n, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !n.readBits(offset, raw) {
		return note{}, false
	}
	return n, true
}

// readBits reads the parked keys and what is done behind the offset.
func (n *note) readBits(offset int64, raw []byte) bool {
	count, size := binary.Uvarint(raw)
	if size <= 0 || count > uint64(len(raw)/8) {
		return false
	}
	raw = raw[size:]
	if uint64(len(raw)) < 8*count {
		return false
	}
	for range count {
		n.parked = append(n.parked, binary.BigEndian.Uint64(raw))
		raw = raw[8:]
	}
	for len(raw) > 0 {
		gap, size := binary.Uvarint(raw)
		length, more := binary.Uvarint(raw[max(size, 0):])
		const most = 1 << 40
		if size <= 0 || more <= 0 || gap > most || length == 0 || length > most {
			return false
		}
		raw = raw[size+more:]
		from := offset + int64(gap)
		offset = from + int64(length)
		n.done = append(n.done, offsetRange{from, offset})
	}
	return true
}
