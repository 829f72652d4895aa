package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The head of a record batch (KIP-98): offset, length, leader epoch, magic,
// checksum, attributes, last offset delta, two timestamps, producer id, epoch
// and sequence, number of records. All big-endian.
const (
	batchHead       = 61
	batchAfterSize  = 12 // what its length does not count
	batchCRCFrom    = 21
	maxBatch        = 1 << 30
	attrTxn         = 0x10
	attrControl     = 0x20
	controlCommit   = 1
	indexEntrySize  = 15
	controlKeyBytes = 4
)

// batch is the head of a record batch, and for a control batch which one it is.
type batch struct {
	size                 int64 // of the whole batch
	first, last          int64 // offsets
	leaderEpoch          int32
	attributes           int16
	firstTime, maxTime   int64
	producer             int64
	producerEpoch        int16
	sequence, numRecords int32
	commit               bool // of a control batch
}

func (b batch) transactional() bool { return b.attributes&attrTxn != 0 }
func (b batch) control() bool       { return b.attributes&attrControl != 0 }

func parseBatch(raw []byte) batch {
	be := binary.BigEndian
	b := batch{
		size: int64(len(raw)), first: int64(be.Uint64(raw)), leaderEpoch: int32(be.Uint32(raw[12:])),
		attributes: int16(be.Uint16(raw[21:])), firstTime: int64(be.Uint64(raw[27:])), maxTime: int64(be.Uint64(raw[35:])),
		producer: int64(be.Uint64(raw[43:])), producerEpoch: int16(be.Uint16(raw[51:])),
		sequence: int32(be.Uint32(raw[53:])), numRecords: int32(be.Uint32(raw[57:])),
	}
	b.last = b.first + int64(int32(be.Uint32(raw[23:])))
	if b.control() {
		b.commit = controlType(raw[batchHead:]) == controlCommit
	}
	return b
}

// controlType reads the type out of the one record of a control batch; what
// cannot be read is taken for an abort, as kfake does.
func controlType(record []byte) int16 {
	// Length, attributes, timestamp delta, offset delta, key length, key.
	rest := record
	for _, skip := range []bool{true, false, true, true, true} {
		if !skip {
			if len(rest) == 0 {
				return 0
			}
			rest = rest[1:]
			continue
		}
		_, n := binary.Varint(rest)
		if n <= 0 {
			return 0
		}
		rest = rest[n:]
	}
	if len(rest) < controlKeyBytes {
		return 0
	}
	return int16(binary.BigEndian.Uint16(rest[2:]))
}

// segment is one file of a partition's log.
type segment struct {
	base int64
	path string // without its ending
	size int64
	// of its batches
	minEpoch, maxEpoch int32
	index              []byte // what its index file has to hold
}

func (s segment) data() string { return s.path + ".dat" }

// segments lists a partition's files in order.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".dat")
		base, parseErr := strconv.ParseInt(name, 10, 64)
		if ok && parseErr == nil {
			all = append(all, segment{base: base, path: filepath.Join(dir, name)})
		}
	}
	slices.SortFunc(all, func(a, b segment) int { return int(min(max(a.base-b.base, -1), 1)) })
	return all, err
}

// scan reads a segment and hands each whole batch to each, in order. It stops
// at the first that is torn or damaged; s.size is then less than the file's.
func (s *segment) scan(each func(batch)) (fileSize int64, err error) {
	f, err := os.Open(s.data())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	var raw []byte
	for {
		raw, err = readBatch(r, raw, info.Size()-s.size)
		if err != nil || raw == nil {
			return info.Size(), err
		}
		b := parseBatch(raw)
		each(b)
		s.size += b.size
		s.minEpoch, s.maxEpoch = min(s.minEpoch, b.leaderEpoch), max(s.maxEpoch, b.leaderEpoch)
		s.index = append(s.index, indexEntry(b)...)
	}
}

// readBatch reads the next batch into buf, or returns nil where none is whole.
func readBatch(r *bufio.Reader, buf []byte, left int64) ([]byte, error) {
	head, err := r.Peek(batchAfterSize)
	if len(head) < batchAfterSize {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, nil
	}
	size := int64(int32(binary.BigEndian.Uint32(head[8:]))) + batchAfterSize
	if size < batchHead || size > maxBatch || size > left {
		return nil, nil
	}
	buf = slices.Grow(buf[:0], int(size))[:size]
	if _, err := io.ReadFull(r, buf); err != nil {
		return nil, err
	}
	if castagnoli(buf[batchCRCFrom:]) != binary.BigEndian.Uint32(buf[17:]) {
		return nil, nil
	}
	return buf, nil
}

// indexEntry is what kfake keeps beside a batch: version, the low byte of a
// checksum, leader epoch, a timestamp that it computes anew, and whether the
// batch was part of a transaction. Little-endian.
func indexEntry(b batch) []byte {
	e := make([]byte, indexEntrySize)
	e[0] = kfakeFormat
	binary.LittleEndian.PutUint32(e[2:], uint32(b.leaderEpoch))
	binary.LittleEndian.PutUint64(e[6:], uint64(b.maxTime))
	if b.transactional() && !b.control() {
		e[14] = 1
	}
	e[1] = byte(castagnoli(e[2:]))
	return e
}

// repair cuts the segment's files to what scan found whole.
func (s *segment) repair(fileSize int64, last bool) error {
	if fileSize > s.size {
		if !last {
			return fmt.Errorf("%s is damaged at byte %d of %d: %w", s.data(), s.size, fileSize, ErrFormat)
		}
		if err := os.Truncate(s.data(), s.size); err != nil {
			return err
		}
	}
	return os.WriteFile(s.path+".idx", s.index, 0o600)
}

// appendBatch adds a batch at the end.
func (s *segment) appendBatch(raw []byte) error {
	b := parseBatch(raw)
	s.index = append(s.index, indexEntry(b)...)
	s.size += b.size
	return errors.Join(appendFile(s.data(), raw), os.WriteFile(s.path+".idx", s.index, 0o600))
}

func appendFile(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Close())
}
