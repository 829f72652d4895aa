package faultproxy

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func FuzzFrame(f *testing.F) {
	for _, r := range []kmsg.Request{kmsg.NewPtrMetadataRequest(), kmsg.NewPtrEndTxnRequest(), kmsg.NewPtrProduceRequest()} {
		r.SetVersion(3)
		f.Add(kmsg.NewRequestFormatter(kmsg.FormatterClientID("c")).AppendRequest(nil, r, 7))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		raw, err := readRaw(bytes.NewReader(wire))
		if err != nil {
			return
		}
		if !bytes.Equal(raw, wire[:len(raw)]) || int(binary.BigEndian.Uint32(raw)) != len(raw)-4 {
			t.Fatalf("read %x of %x", raw, wire)
		}
		request, err := parseRequest(raw)
		if err == nil {
			request.Request()
		}
		if answer, err := parseAnswer(raw, request); err == nil {
			answer.Response()
		}
	})
}
