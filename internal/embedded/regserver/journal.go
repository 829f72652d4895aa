package regserver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

const (
	// journalHead is the first line. It names the format's version.
	journalHead = "manage-kafka schema journal 1\n"
	// slack is how many superseded bytes a journal may always have.
	slack = 1 << 20
	// sumLength is that of the checksum before each line.
	sumLength = 9 // eight hexadecimal digits and a blank
)

// journal is a file of lines, each a group of changes that belong together, in
// JSON after a checksum. Only its last line can be cut by a crash.
type journal struct {
	path   string
	file   *os.File
	size   int64
	broken error // why nothing can be written any more
}

// openJournal hands all changes on disk to apply. It reports [ErrDamaged].
func openJournal(path string, apply func(change) error, logf func(level, format string, args ...any)) (*journal, error) {
	_ = os.Remove(path + ".new") // of a rewrite that a crash cut short; it may well not exist
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, file: file}
	if err := j.load(apply, logf); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) load(apply func(change) error, logf func(level, format string, args ...any)) error {
	r := bufio.NewReader(j.file)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return j.cut(len(line), logf)
		}
		if err != nil {
			return err
		}
		if n == 1 {
			if string(line) != journalHead {
				return fmt.Errorf("%w: line 1 is not %q", ErrDamaged, journalHead[:len(journalHead)-1])
			}
		} else if err := replay(line, apply); err != nil {
			// A torn write can hold a line feed when its blocks reached the
			// disk out of order; what follows such a line was never answered.
			if rest, _ := r.Peek(1); len(rest) == 0 && errors.Is(err, errChecksum) {
				return j.cut(len(line), logf)
			}
			return fmt.Errorf("line %d: %w", n, err)
		}
		j.size += int64(len(line))
	}
}

// cut drops what stands after the last whole line.
func (j *journal) cut(torn int, logf func(level, format string, args ...any)) error {
	if torn > 0 {
		logf("WARN", "%s: dropping %d bytes of a change that was never answered", j.path, torn)
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return err
	}
	if j.size > 0 {
		return j.file.Sync()
	}
	if _, err := j.file.WriteString(journalHead); err != nil {
		return err
	}
	j.size = int64(len(journalHead))
	return errors.Join(j.file.Sync(), syncDir(filepath.Dir(j.path)))
}

var errChecksum = fmt.Errorf("%w: checksum does not match", ErrDamaged)

func replay(line []byte, apply func(change) error) error {
	if len(line) < sumLength+1 {
		return errChecksum
	}
	body := line[sumLength:]
	sum, err := strconv.ParseUint(string(line[:sumLength-1]), 16, 32)
	if err != nil || line[sumLength-1] != ' ' || uint32(sum) != checksum(body) {
		return errChecksum
	}
	var changes []change
	if err := json.Unmarshal(body, &changes); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for _, c := range changes {
		if err := apply(c); err != nil {
			return err
		}
	}
	return nil
}

func checksum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

func encodeLine(changes []change) ([]byte, error) {
	body, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	return append(fmt.Appendf(nil, "%08x ", checksum(body)), body...), nil
}

// append writes one group of changes and waits for the disk. After an error
// the group is not in the journal, and where that is not sure nothing more is
// ever written: a restart finds out what is on disk.
func (j *journal) append(changes []change) error {
	if j.broken != nil {
		return fmt.Errorf("%s: not written since %w; restart the stack", j.path, j.broken)
	}
	line, err := encodeLine(changes)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(line); err == nil {
		if err = j.file.Sync(); err == nil {
			j.size += int64(len(line))
			return nil
		}
		j.broken = err // what a failed sync left on disk cannot be known
	}
	_, seekErr := j.file.Seek(j.size, io.SeekStart)
	if undo := errors.Join(j.file.Truncate(j.size), seekErr); undo != nil {
		j.broken = errors.Join(err, undo)
	}
	return fmt.Errorf("%s: %w", j.path, err)
}

// wasteful tells whether more than half of the journal is superseded.
func (j *journal) wasteful(live int) bool { return j.size > slack+2*int64(live) }

// rewrite replaces the journal by one with just these changes, in one step. An
// error leaves the old one in use, or, where that cannot be opened again,
// nothing to write to.
func (j *journal) rewrite(changes []change) error {
	next := j.path + ".new"
	size, err := writeNew(next, changes)
	if err != nil {
		return errors.Join(fmt.Errorf("rewriting %s: %w", j.path, err), os.Remove(next))
	}
	// An open file cannot be replaced everywhere.
	err = j.file.Close()
	if err == nil {
		err = os.Rename(next, j.path)
	}
	if err != nil {
		size = j.size
	}
	file, openErr := os.OpenFile(j.path, os.O_RDWR, 0o600)
	if openErr == nil {
		_, openErr = file.Seek(size, io.SeekStart)
	}
	j.file, j.size = file, size
	if openErr == nil && err == nil {
		openErr = syncDir(filepath.Dir(j.path)) // else a crash may bring the old one back, without what is written from now on
	}
	if openErr != nil {
		j.broken = openErr
	}
	if err = errors.Join(err, openErr); err != nil {
		return fmt.Errorf("rewriting %s: %w", j.path, err)
	}
	return nil
}

func writeNew(path string, changes []change) (int64, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	size, err := writeAll(file, changes)
	if err == nil {
		err = file.Sync()
	}
	return size, errors.Join(err, file.Close())
}

func writeAll(w io.Writer, changes []change) (int64, error) {
	buf := bufio.NewWriter(w)
	size := int64(len(journalHead))
	if _, err := buf.WriteString(journalHead); err != nil {
		return 0, err
	}
	for _, c := range changes {
		line, err := encodeLine([]change{c})
		if err != nil {
			return 0, err
		}
		size += int64(len(line))
		if _, err := buf.Write(line); err != nil {
			return 0, err
		}
	}
	return size, buf.Flush()
}

func (j *journal) close() error { return j.file.Close() }

// syncDir makes the names in a directory last, where the platform can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
