package letters

import (
	"reflect"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func own(pairs ...string) []kafka.Header {
	var list []kafka.Header
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, kafka.Header{Name: pairs[i], Value: []byte(pairs[i+1])})
	}
	return list
}

func full() Letter {
	at := time.UnixMilli(1795406037334).UTC()
	origin := Origin{Topic: "orders", Partition: 3, Offset: 1204, Timestamp: at.Add(-time.Hour)}
	return Letter{
		Format: Native, Origin: origin, Hop: origin, Group: "orders-svc", Class: "*pq.Error", Cause: "timeout",
		Message: "order 4711 not found", Stack: "main.handle(...)\n\t/app/main.go:12", Attempts: 4,
		FirstFailedAt: at.Add(-2 * time.Second), FailedAt: at, Service: "orders", AppVersion: "1.2.3", Reason: "exhausted",
		ReplayCount: 2, ReplayID: "0a1b", ReplayGroup: "orders-svc", ReplayRun: "01JC", ReplayEdited: "ffff",
	}
}

func TestNativeRoundTrip(t *testing.T) {
	t.Parallel()
	want := full()
	headers := want.Append(nil, AppendOptions{Stack: true})
	for _, h := range headers {
		if h.Value == nil {
			t.Errorf("%s has a null value", h.Name)
		}
	}
	got := Read(kafka.Record{Topic: "orders.dlq", Headers: headers})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

func TestAppendKeepsForeignHeaders(t *testing.T) {
	t.Parallel()
	before := []kafka.Header{
		{Name: "a", Value: nil}, {Name: "a", Value: []byte{}}, {Name: "dlq-group", Value: []byte("old")},
		{Name: "dlq-replay-count", Value: []byte("3")}, {Name: "\xff", Value: []byte{0, 1}}, {Name: "a", Value: []byte("x")},
	}
	got := Letter{Origin: nowhere(), Group: "new"}.Append(before, AppendOptions{})
	want := []kafka.Header{
		{Name: "a", Value: nil}, {Name: "a", Value: []byte{}}, {Name: "dlq-replay-count", Value: []byte("3")},
		{Name: "\xff", Value: []byte{0, 1}}, {Name: "a", Value: []byte("x")}, {Name: "dlq-group", Value: []byte("new")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestStripKeepsOrigin(t *testing.T) {
	t.Parallel()
	headers := full().Append(own("tenant-id", "t1"), AppendOptions{Stack: true, Spring: true})
	var names []string
	for _, h := range Strip(headers) {
		names = append(names, h.Name)
	}
	want := []string{
		"tenant-id", HeaderOriginalTopic, HeaderOriginalPartition, HeaderOriginalOffset, HeaderOriginalTimestamp,
		"kafka_dlt-original-topic", "kafka_dlt-original-partition", "kafka_dlt-original-offset", "kafka_dlt-original-timestamp",
		"kafka_dlt-original-timestamp-type", "kafka_dlt-original-consumer-group",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("kept %q\nwant %q", names, want)
	}
}

func TestReplayID(t *testing.T) {
	t.Parallel()
	a := full()
	id := ReplayID(a, nil, nil)
	if len(id) != 32 || id != ReplayID(a, []byte("k"), []byte("v")) {
		t.Errorf("%s is not told by the origin alone", id)
	}
	for name, change := range map[string]func(*Letter){
		"topic": func(l *Letter) { l.Origin.Topic += "x" }, "partition": func(l *Letter) { l.Origin.Partition++ },
		"offset": func(l *Letter) { l.Origin.Offset++ }, "group": func(l *Letter) { l.Group += "x" },
		"attempts": func(l *Letter) { l.Attempts++ }, "count": func(l *Letter) { l.ReplayCount++ },
	} {
		b := a
		change(&b)
		if ReplayID(b, nil, nil) == id {
			t.Errorf("another %s gives the same id", name)
		}
	}
	bare := Letter{Origin: nowhere()}
	if ReplayID(bare, nil, []byte{}) == ReplayID(bare, []byte{}, nil) {
		t.Error("null and empty give the same id")
	}
}
