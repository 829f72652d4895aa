package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

type verdict struct {
	number     int64
	text, key  string
	err        string
	firstValue string
}

func checkAll(t testing.TB, v *events.Validator, r io.Reader, o events.LineOptions) ([]verdict, error) {
	t.Helper()
	var list []verdict
	err := v.CheckLines(t.Context(), r, o, func(lines []events.Line) error {
		for _, l := range lines {
			x := verdict{number: l.Number, text: string(l.Text)}
			if l.Err != nil {
				x.err = l.Err.Error()
			} else {
				x.key, x.firstValue = string(l.Record.Key), string(l.Record.Header(events.HeaderID))
			}
			list = append(list, x)
		}
		return nil
	})
	return list, err
}

// mixed makes n lines of all types; the given ones are broken.
func mixed(t testing.TB, n int, bad ...int) []byte {
	t.Helper()
	c := catalogue(t)
	types := c.Types()
	var b bytes.Buffer
	for i := range n {
		e, err := c.Example(types[i%len(types)].Name, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(e.Encode())
		b.WriteByte('\n')
	}
	lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
	for _, i := range bad {
		lines[i-1] = []byte(`{"id":"` + fmt.Sprint(i) + `"}` + "\n")
	}
	return bytes.Join(lines, nil)
}

func TestCheckLinesKeepsOrder(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	file := mixed(t, 3000, 1, 1500, 3000)
	got, err := checkAll(t, v, iotest.HalfReader(bytes.NewReader(file)), events.LineOptions{Workers: 4})
	if err != nil || len(got) != 3000 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	for i, x := range got {
		bad := i == 0 || i == 1499 || i == 2999
		if x.number != int64(i+1) || x.text != lines[i] || (x.err != "") != bad || !bad && (x.key == "" || !strings.Contains(lines[i], x.firstValue)) {
			t.Fatalf("line %d: %+v", i+1, x)
		}
	}
}

func TestCheckLinesForms(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	good := documented()[1]
	got, err := checkAll(t, v, strings.NewReader("\ufeff"+good+"\r\n\n  \n"+good), events.LineOptions{})
	if err != nil || len(got) != 2 || got[0].number != 1 || got[1].number != 4 || got[0].err != "" || got[1].err != "" || got[0].text != good {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := checkAll(t, v, strings.NewReader(""), events.LineOptions{}); err != nil || len(got) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = checkAll(t, v, iotest.ErrReader(io.ErrUnexpectedEOF), events.LineOptions{})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "line 1: ") {
		t.Fatalf("a reader that fails: %v", err)
	}
}

func TestCheckLinesBoundsLines(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	good := documented()[1]
	endless := io.MultiReader(strings.NewReader(good+"\n"+good+"\n"), zeros{})
	got, err := checkAll(t, v, endless, events.LineOptions{MaxLine: 1 << 20})
	if !errors.Is(err, events.ErrLineTooLong) || err.Error() != "line 3: line is too long: more than 1048576 bytes" || len(got) != 2 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	exact := []byte(good + strings.Repeat(" ", 1000-len(good)) + "\r\n")
	if _, err := checkAll(t, v, bytes.NewReader(exact), events.LineOptions{MaxLine: 1000}); err != nil {
		t.Fatalf("a line of the limit: %v", err)
	}
}

func TestCheckLinesBoundsLineEnds(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	ends := strings.NewReader(strings.Repeat("\r", 1<<20))
	_, err := checkAll(t, v, io.MultiReader(ends, strings.NewReader("\n")), events.LineOptions{MaxLine: 1000})
	if !errors.Is(err, events.ErrLineTooLong) {
		t.Fatalf("a line of carriage returns: %v", err)
	}
}

// zeros is a line without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestCheckLinesStops(t *testing.T) {
	t.Parallel()
	v := catalogue(t).Validator(events.ValidatorOptions{})
	file := bytes.Repeat([]byte(documented()[1]+"\n"), 20_000)
	stop := errors.New("enough")
	calls := 0
	err := v.CheckLines(t.Context(), bytes.NewReader(file), events.LineOptions{}, func([]events.Line) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = v.CheckLines(ctx, bytes.NewReader(file), events.LineOptions{}, func([]events.Line) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("after cancelling: %v", err)
	}
}

// Memory is that of a few batches, however long the file.
func TestCheckLinesMemoryIsFlat(t *testing.T) {
	v := catalogue(t).Validator(events.ValidatorOptions{})
	part := mixed(t, 2000)
	peak := func(times int) uint64 {
		var most uint64
		var m runtime.MemStats
		readers := make([]io.Reader, times)
		for i := range readers {
			readers[i] = bytes.NewReader(part)
		}
		n := 0
		err := v.CheckLines(t.Context(), io.MultiReader(readers...), events.LineOptions{Workers: 2}, func(lines []events.Line) error {
			if n += len(lines); n%20_000 < len(lines) {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || n != 2000*times {
			t.Fatalf("%d lines, %v", n, err)
		}
		return most
	}
	small, large := peak(20), peak(200)
	if large > small+8<<20 {
		t.Errorf("heap grows from %d to %d bytes with ten times the file", small, large)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	done := events.Completion{
		Catalogue: c, Source: "test", TenantID: "t-default", CorrelationID: "c1",
		Now:   func() time.Time { return time.Date(2026, 1, 5, 9, 30, 0, 123456789, time.UTC) },
		NewID: func() (string, error) { return "id-1", nil },
	}
	for _, x := range []struct{ raw, want string }{
		{`{"data": {"a" : 1},"type":"a.b"}`,
			`{"id":"id-1","type":"a.b","source":"test","time":"2026-01-05T09:30:00.123Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t-default","correlationId":"c1","data":{"a" : 1}}`},
		{`{"type":"a.b","tenantId":"t2","userId":"u","x":[ 1],"data":null}`,
			`{"id":"id-1","type":"a.b","source":"test","time":"2026-01-05T09:30:00.123Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t2","correlationId":"c1","userId":"u","data":null,"x":[ 1]}`},
		{`{"type":"a.b","data":{},"time":"2026-01-05T09:30:00Z"}`, `{"type":"a.b","data":{},"time":"2026-01-05T09:30:00Z"}`},
		{`[]`, `[]`}, {`{`, `{`}, {`{"id":null}`, `{"id":null}`},
	} {
		got, err := done.Complete([]byte(x.raw))
		if err != nil || string(got) != x.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", x.raw, got, err, x.want)
		}
	}
	broken := errors.New("no randomness")
	done.NewID = func() (string, error) { return "", broken }
	if _, err := done.Complete([]byte(`{}`)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	done.NewID = nil
	v := c.Validator(events.ValidatorOptions{})
	line := `{"type":"tenant.activated","data":{"id":"t1","activatedAt":"2026-01-05T09:30:00Z"}}`
	got, err := checkAll(t, v, strings.NewReader(line), events.LineOptions{Complete: done.Complete})
	if err != nil || len(got) != 1 || got[0].err != "" || got[0].key != "t1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func BenchmarkCheckLines(b *testing.B) {
	file := mixed(b, 20_000)
	v := catalogue(b).Validator(events.ValidatorOptions{})
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		err := v.CheckLines(b.Context(), bytes.NewReader(file), events.LineOptions{}, func([]events.Line) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*20_000/b.Elapsed().Seconds(), "events/s")
}
