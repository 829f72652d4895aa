package archtest

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// portOffset finds the shift of a stack that a test starts.
var portOffset = regexp.MustCompile(`(?:--port-offset[" ,=]+|offset := )(\d+)`)

// TestPortOffsets holds the fixed ports of tests apart: scripts and packages are
// tested beside one another. None may lie where systems pick the local ports of
// outgoing connections, from 32768 on, where anything may hold it for a moment.
func TestPortOffsets(t *testing.T) {
	const kafka, outgoing = 9092, 32768
	user := map[int]string{}
	for name, data := range sources(t) {
		if path.Ext(name) != ".txtar" && !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, found := range portOffset.FindAllStringSubmatch(string(data), -1) {
			offset, err := strconv.Atoi(found[1])
			if err != nil {
				t.Fatal(err)
			}
			switch offset {
			case 0, 100, 60000: // an index, a hint's example, and one that is refused
				continue
			}
			if offset+kafka >= outgoing {
				t.Errorf("%s: port offset %d puts the broker's port among those of outgoing connections", name, offset)
			}
			if other, ok := user[offset]; ok && other != name {
				t.Errorf("port offset %d is used by %s and by %s", offset, other, name)
			}
			user[offset] = name
		}
	}
	if len(user) < 10 {
		t.Errorf("%d port offsets found, tests use more", len(user))
	}
}
