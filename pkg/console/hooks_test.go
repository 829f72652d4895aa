package console_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

var errHook = errors.New("hook says no")

// TestDecode changes values before filters and output see them, also those of
// the last records.
func TestDecode(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	text, _ := numbers(5)
	if _, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(text)}); err != nil {
		t.Fatal(err)
	}
	decode := func(_ context.Context, r *kafka.Record) error {
		if string(r.Value) == "000003" {
			return errHook
		}
		r.Value = append([]byte("v"), r.Value...)
		return nil
	}
	for name, opts := range map[string]console.ConsumeOptions{
		"from the start": {ExitAtEnd: true},
		"tail":           {Tail: 5},
	} {
		opts.Topics, opts.Decode, opts.Filter = []string{"t"}, decode, &console.Filter{}
		if err := opts.Filter.ValueGlob("v00000[02]"); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		sum, err := console.Consume(t.Context(), c, &out, console.NewPrinter(console.PrintOptions{}), opts)
		if !errors.Is(err, errHook) {
			t.Errorf("%s: %v, want the hook's error", name, err)
		}
		if name != "tail" && (out.String() != "v000000\nv000002\n" || sum.Written != 2) {
			t.Errorf("%s: wrote %q, counted %d; want what came before the error", name, out.String(), sum.Written)
		}
	}
}

// TestEncode sends what the hook makes of values, leaves null alone, and
// rejects a record as it was read.
func TestEncode(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	encode := func(v []byte) ([]byte, error) {
		if string(v) == "bad" {
			return nil, errHook
		}
		return append([]byte("v"), v...), nil
	}
	var rejects bytes.Buffer
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{
		Topic: "t", Sources: input("a\n\nbad\nb\n"), EmptyIsNull: true, Encode: encode, Rejects: &rejects,
	})
	if err != nil || res.Acked != 3 || res.Failed != 1 {
		t.Fatalf("%+v, %v; want 3 acknowledged, 1 rejected", res, err)
	}
	records := readAll(t, c, "t", 1)
	if got := strings.Join(values(records), ","); got != "va,,vb" || records[1].Value != nil {
		t.Errorf("sent %q, null %v; want va, null, vb", got, records[1].Value == nil)
	}
	if !strings.Contains(rejects.String(), `"value":"bad"`) || !strings.Contains(rejects.String(), errHook.Error()) {
		t.Errorf("rejects %s; want the value as it was read, and the cause", rejects.String())
	}
	_, err = console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("c\nbad\nd\n"), Encode: encode})
	var record *console.RecordError
	if !errors.As(err, &record) || !errors.Is(err, errHook) || record.Place.N != 2 {
		t.Errorf("%v, want record 2 refused by the hook", err)
	}
}
