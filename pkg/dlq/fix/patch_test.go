package fix

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// FuzzPatch writes one value over another and reads it back.
func FuzzPatch(f *testing.F) {
	f.Add(`{"a":1,"b":[1,2,{"c":null}]}`, `{"b":[2,{"c":1.0}],"d":"x"}`)
	f.Add(`[1,[2,3]]`, `[[2,3],1e2]`)
	f.Add(` {"é":"\u00e9" , "x" :9007199254740993} `, `{"x":9007199254740992,"é":"é"}`)
	f.Add(`1`, `{"a":{}}`)
	f.Fuzz(func(t *testing.T, was, now string) {
		old, err := strictjson.Decode([]byte(was))
		if err != nil {
			t.Skip()
		}
		want, err := strictjson.Decode([]byte(now))
		if err != nil {
			t.Skip()
		}
		text := appendPatched(nil, trimmed([]byte(was)), old, want)
		got, err := strictjson.Decode(text)
		if err != nil {
			t.Fatalf("%s over %s gives %s: %v", now, was, text, err)
		}
		if !same(got, want) {
			t.Errorf("%s over %s gives %s", now, was, text)
		}
		if text := appendPatched(nil, []byte(was), old, old); string(text) != was {
			t.Errorf("%s over itself gives %s", was, text)
		}
	})
}

// FuzzFrames reads frames of anyone; what was read is written back alike.
func FuzzFrames(f *testing.F) {
	f.Add(appendJob(nil, &job{value: []byte("{}"), key: []byte{}}, [][2][]byte{{[]byte("a"), nil}}))
	f.Add(appendDone(nil, &done{status: changed, value: []byte("1"), keySet: true}))
	f.Add([]byte{2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, frame []byte) {
		_, _ = readJob(frame)
		d, err := readDone(frame)
		if err != nil {
			return
		}
		again, err := readDone(appendDone(nil, &d))
		if err != nil || string(again.value) != string(d.value) || string(again.key) != string(d.key) || again.why != d.why || (again.key == nil) != (d.key == nil) {
			t.Errorf("%+v became %+v: %v", d, again, err)
		}
	})
}
