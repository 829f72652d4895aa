package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		print printer
		total int64
		want  string
	}{
		{"terminal", printer{errTTY: true}, 400, "\rsending  [############............]  50%  1,000 events, 100/s\x1b[K\r\x1b[K"},
		{"terminal, size unknown", printer{errTTY: true}, 0, "\rsending  1,000 events, 100/s\x1b[K\r\x1b[K"},
		{"log", printer{}, 400, "sending   50%  1,000 events, 100/s\n"},
		{"quiet", printer{errTTY: true, quiet: true}, 400, ""},
	} {
		var out bytes.Buffer
		test.print.errOut = &out
		p := newProgress(&test.print, "sending", test.total)
		p.count(0) // too early for anything
		p.started = time.Now().Add(-10 * time.Second)
		p.shown = p.started
		if n, err := io.Copy(io.Discard, p.reader(strings.NewReader(strings.Repeat("x", 200)))); n != 200 || err != nil {
			t.Fatal(n, err)
		}
		p.count(1000)
		p.count(0) // too soon again
		p.end()
		p.count(1)
		p.end()
		if got := out.String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// A run that stands still, as --max-lag lets it, has centuries to go.
func TestProgressWithoutEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newLetterProgress(&printer{}, "replaying", 1_000_000)
	p.events, p.started = 1, now.Add(-4*time.Hour)
	if got, want := p.line(now), "replaying    0%  1 letter, 0/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.events = 500_000
	if got, want := p.line(now), "replaying   50%  500,000 letters, 35/s, 4 h 0 m left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := spanText(math.MinInt64); !strings.HasPrefix(got, "-106751 d") {
		t.Errorf("%q", got)
	}
}

func TestReadUntil(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 100_000)
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text[:1000])), "with the end": iotest.DataErrReader(strings.NewReader(text)),
	} {
		got, err := io.ReadAll(readUntil(t.Context(), r))
		if err != nil || !strings.HasPrefix(text, string(got)) || len(got) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	broken := errors.New("broken")
	got, err := io.ReadAll(readUntil(t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken))))
	if string(got) != "abc" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
	ctx, end := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	defer feed.Close()
	r := readUntil(ctx, in)
	end()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
