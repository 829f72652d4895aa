package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// What kfake forgets, we remember. Its own start after a crash brings deleted
// records back, counts an emptied partition's offsets from 0 again, takes an
// interrupted transaction for committed the second time, and knows producers
// as they were at the last clean stop. Its start after a clean stop forgets the
// offsets of an emptied partition too. So before it opens its files, they are
// brought to the state that it reads right: see [recoverData].

// clusterFiles is kfake's directory.
type clusterFiles string

func (d clusterFiles) path(name string) string { return filepath.Join(string(d), name) }
func (d clusterFiles) cleanFile() string       { return d.path("manage-kafka-clean") }
func (d clusterFiles) marksFile() string       { return d.path("manage-kafka-marks.json") }

// partition is the directory of one partition, named as kfake does.
func (d clusterFiles) partition(topic string, p int32) string {
	return filepath.Join(d.path("partitions"), url.PathEscape(topic)+"-"+strconv.Itoa(int(p)))
}

// storedTopic is a topic in kfake's topics.json.
type storedTopic struct {
	Name       string `json:"name"`
	ID         string `json:"id"` // base64
	Partitions int32  `json:"partitions"`
}

// mark is what a partition had when records were last removed from it.
type mark struct {
	LogStart      int64 `json:"log_start"`
	HighWatermark int64 `json:"high_watermark"`
}

// marks are kept by topic id and partition: a topic made anew begins anew.
type marks map[string]mark

func markKey(topicID string, partition int32) string {
	return topicID + "-" + strconv.Itoa(int(partition))
}

func (d clusterFiles) readMarks() (marks, error) {
	m := marks{}
	err := readJSON(d.marksFile(), &m)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return m, err
}

func (d clusterFiles) topics() ([]storedTopic, error) {
	body, err := os.ReadFile(d.path("topics.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var stored struct {
		Topics []storedTopic `json:"topics"`
	}
	if err := json.Unmarshal(body, &stored); err != nil {
		return nil, fmt.Errorf("%s: %w", d.path("topics.json"), err)
	}
	return stored.Topics, nil
}

// recoverData prepares kfake's files for its next start. After a clean end
// that is next to nothing. After any other, every segment is read: torn ends
// are cut off, open transactions are aborted in the log itself, as the broker
// of a real cluster would, and what kfake reads instead of the log (snapshots,
// producers' sequences) is written anew from it.
func recoverData(dir string, logf func(level, format string, args ...any)) error {
	d := clusterFiles(dir)
	topics, err := d.topics()
	if err != nil {
		return err
	}
	if err := d.removeOrphans(topics); err != nil {
		return err
	}
	marks, err := d.readMarks()
	if err != nil {
		return err
	}
	clean := os.Remove(d.cleanFile()) == nil
	if clean {
		return d.eachPartition(topics, func(t storedTopic, p int32) error {
			return keepOffsets(d.partition(t.Name, p), marks[markKey(t.ID, p)])
		})
	}
	if len(topics) == 0 {
		return nil
	}
	began := time.Now()
	r := &recovery{files: d, marks: marks, logf: logf}
	if err := r.run(topics); err != nil {
		return fmt.Errorf("recovering %s: %w", dir, err)
	}
	logf("WARN", "the broker did not end cleanly; read %d MB of records and repaired what was half done in %d ms",
		r.bytes>>20, time.Since(began).Milliseconds())
	return nil
}

// markClean tells the next start that kfake wrote all its files.
func markClean(dir string) error {
	return os.WriteFile(clusterFiles(dir).cleanFile(), nil, 0o600)
}

func (d clusterFiles) eachPartition(topics []storedTopic, do func(storedTopic, int32) error) error {
	for _, t := range topics {
		for p := range t.Partitions {
			if err := do(t, p); err != nil {
				return fmt.Errorf("%s partition %d: %w", t.Name, p, err)
			}
		}
	}
	return nil
}

// removeOrphans removes the files of topics that were deleted: kfake would
// append to them if the topic were made again.
func (d clusterFiles) removeOrphans(topics []storedTopic) error {
	known := map[string]bool{}
	err := d.eachPartition(topics, func(t storedTopic, p int32) error {
		known[filepath.Base(d.partition(t.Name, p))] = true
		return nil
	})
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(d.path("partitions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !known[e.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(d.path("partitions"), e.Name())))
		}
	}
	return err
}

// castagnoli is the checksum of Kafka's batches and kfake's logs.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// trimLog cuts a torn end off one of kfake's append-only logs. kfake skips it
// when it reads, but appends behind it, where it will never read again.
func trimLog(path string) (cut int64, err error) {
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	good := validEntries(body)
	if good == len(body) {
		return 0, nil
	}
	return int64(len(body) - good), os.Truncate(path, int64(good))
}

// logEntryHead is length, checksum and version: [4][4][2] bytes, little-endian;
// the length counts from the version on, as does the checksum.
const logEntryHead = 10

// validEntries is how many bytes of body are whole entries.
func validEntries(body []byte) int {
	at := 0
	for at+logEntryHead <= len(body) {
		n := int64(binary.LittleEndian.Uint32(body[at:]))
		end := int64(at) + 8 + n
		if n < 2 || end > int64(len(body)) || castagnoli(body[at+8:end]) != binary.LittleEndian.Uint32(body[at+4:]) {
			break
		}
		at = int(end)
	}
	return at
}

// appendEntry appends one entry to one of kfake's logs.
func appendEntry(path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	entry := make([]byte, logEntryHead, logEntryHead+len(body))
	binary.LittleEndian.PutUint32(entry, uint32(2+len(body)))
	binary.LittleEndian.PutUint16(entry[8:], kfakeFormat)
	entry = append(entry, body...)
	binary.LittleEndian.PutUint32(entry[4:], castagnoli(entry[8:]))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(entry)
	return errors.Join(err, f.Close())
}
