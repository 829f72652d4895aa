package groups_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/groups"
)

func TestReadSaved(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                                     "EOF",
		`{`:                                    "unexpected EOF",
		`{}`:                                   "no group or cluster_id",
		`{"group":"g","cluster_id":"c"} {}`:    "there is more after the offsets",
		`{"group":"g","cluster_id":"c","x":1}`: `unknown field "x"`,
		`{"group":"g","cluster_id":"c","offsets":[{"topic":"","partition":0,"offset":1}]}`:                         "offsets[0]",
		`{"group":"g","cluster_id":"c","offsets":[{"topic":"t","partition":-1,"offset":1}]}`:                       "offsets[0]",
		`{"group":"g","cluster_id":"c","offsets":[{"topic":"t","partition":0},{"topic":"t","partition":0}]}`:       "offsets[1]: t/0 is there twice",
		`{"group":"g","cluster_id":"c","offsets":[{"topic":"t","partition":0},{"topic":"t","partition":1e99}]}`:    "1e99",
		`{"group":"g","cluster_id":"c","offsets":[{"topic":"t","partition":0,"offset":-5,"metadata":"anything"}]}`: "offsets[0]",
	} {
		if _, err := groups.ReadSaved(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzReadSaved(f *testing.F) {
	f.Add([]byte(`{"cluster_id":"c","group":"g","saved_at":"2026-11-23T09:00:00Z","offsets":[{"topic":"t","partition":0,"offset":5,"metadata":"m"},{"topic":"t","partition":1,"offset":null}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := groups.ReadSaved(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := groups.ReadSaved(bytes.NewReader(again))
		if err != nil || len(back.Offsets) != len(s.Offsets) {
			t.Errorf("%s became %s: %v", text, again, err)
		}
	})
}
