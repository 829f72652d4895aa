package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// shownLines bounds the invalid lines that an error lists.
const shownLines = 20

// fileHeap is more than a file of any length needs: the index of what was checked,
// and the records that wait or are under way.
const fileHeap = 112 << 20

// sendFile sends the events of --file.
func (e *emission) sendFile(ctx context.Context) (err error) {
	in, err := openInput(ctx, e.app, e.emitFlags.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if e.onError == "skip" && !e.dryRun {
		return e.skipping(ctx, in)
	}
	e.app.heap.Bound(fileHeap)
	found, err := e.checkFile(ctx, in)
	if err != nil {
		return err
	}
	if e.dryRun {
		e.app.print.status("%s valid; nothing was sent", are(found.valid, "event"))
		return nil
	}
	if found.valid == 0 {
		e.app.print.status("no events in %s", in.shown())
		return nil
	}
	return e.sendMany(ctx, e.lines(in, &found.index), slices.Sorted(maps.Keys(found.topics)), nil)
}

// are is "1 event is" or "3 events are".
func are(n int64, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return plural(n, what) + " are"
}

// ofAll is "1 of 3 events is" or "2 of 3 events are".
func ofAll(n, all int64, what string) string {
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s of %s %s", grouped(n), plural(all, what), verb)
}

// skipping sends what is valid line by line and writes down the rest.
func (e *emission) skipping(ctx context.Context, in *input) (err error) {
	if in.is(e.rejects) {
		return usagef("--rejects %s: is also the input", e.rejects)
	}
	file, err := os.OpenFile(e.rejects, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("--rejects: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return e.sendMany(ctx, e.lines(in, nil), nil, func(r console.Rejected) error {
		_, err := file.Write(rejectLine(r))
		return err
	})
}

// findings are what checking a file found.
type findings struct {
	valid, invalid int64
	topics         map[string]bool
	shown          []string // the first invalid lines
	index          events.Index
}

func (f *findings) add(l *events.Line) {
	if l.Err == nil {
		f.valid++
		f.topics[l.Record.Topic] = true
		return
	}
	f.invalid++
	if len(f.shown) < shownLines {
		f.shown = append(f.shown, fmt.Sprintf("line %d: %s", l.Number, strings.ReplaceAll(l.Err.Error(), "\n", fmt.Sprintf("\nline %d: ", l.Number))))
	}
}

// checkFile checks all of the input, which can be read again afterwards.
func (e *emission) checkFile(ctx context.Context, in *input) (*findings, error) {
	r, err := in.first(ctx)
	if err != nil {
		return nil, err
	}
	bar := newProgress(e.app.print, "checking", in.size)
	found := &findings{topics: map[string]bool{}}
	err = e.validator.CheckLines(ctx, bar.reader(r), events.LineOptions{Complete: e.complete, Index: &found.index}, func(lines []events.Line) error {
		for i := range lines {
			if err := e.checkRegistered(ctx, &lines[i]); err != nil {
				return err
			}
			found.add(&lines[i])
		}
		bar.count(int64(len(lines)))
		return nil
	})
	bar.end()
	switch {
	case errors.Is(err, events.ErrLineTooLong):
		return nil, usagef("%s is invalid, nothing was sent:\n%s", in.shown(), strings.Join(append(found.shown, err.Error()), "\n"))
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%s: %w; nothing was sent", in.shown(), err)
	case found.invalid > 0:
		text := strings.Join(found.shown, "\n")
		if more := found.invalid - int64(len(found.shown)); more > 0 {
			text += fmt.Sprintf("\nand %s more", plural(more, "line"))
		}
		return nil, withHint(usagef("%s: %s invalid, nothing was sent:\n%s", in.shown(), ofAll(found.invalid, found.valid+found.invalid, "event"), text),
			"mend the input, or leave such lines out with: --on-error skip --rejects FILE")
	}
	return found, nil
}

// complete makes an event of a line, or of a line of --rejects.
func (e *emission) complete(line []byte) ([]byte, error) {
	if bytes.HasPrefix(line, []byte(rejectStart)) {
		var reject struct {
			Event json.RawMessage `json:"event"`
			Input *string         `json:"input"`
		}
		if json.Unmarshal(line, &reject) == nil {
			switch {
			case reject.Event != nil:
				line = reject.Event
			case reject.Input != nil:
				line = []byte(*reject.Input)
			}
		}
	}
	wanted := e.completion.Type
	if wanted == "" {
		return e.completion.Complete(line)
	}
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(line, &head) == nil && head.Type != "" && head.Type != wanted {
		return nil, fmt.Errorf("/type: is %q, not %s", head.Type, wanted)
	}
	return e.completion.Complete(line)
}

// rejectStart begins a line of --rejects, and no event.
const rejectStart = `{"error":`

// rejectLine is a line that was left out: as it was, where it can be mended in
// place, with the reason in front of it.
func rejectLine(r console.Rejected) []byte {
	b := strictjson.AppendString([]byte(rejectStart), strings.ToValidUTF8(r.Err.Error(), "\ufffd"))
	b = fmt.Appendf(b, `,"line":%d,`, r.Place.N)
	if value := bytes.TrimSpace(r.Value); len(value) > 0 && value[0] == '{' && json.Valid(value) && bytes.IndexByte(value, '\n') < 0 {
		return append(append(append(b, `"event":`...), value...), "}\n"...)
	}
	b = strictjson.AppendString(append(b, `"input":`...), string(r.Value))
	return append(b, "}\n"...)
}

// lines is the input as records. index is what a first reading found, nil
// without one.
func (e *emission) lines(in *input, index *events.Index) *console.Feed {
	return &console.Feed{Name: in.name, Unit: "line", Run: func(ctx context.Context, send func([]console.FeedRecord) error) error {
		r, err := in.again(ctx)
		if err != nil {
			return err
		}
		bar := newProgress(e.app.print, "sending", in.size)
		defer bar.end()
		var run []console.FeedRecord
		fill := func(lines []events.Line) error {
			run = slices.Grow(run[:0], len(lines))[:len(lines)]
			for i := range lines {
				l := &lines[i]
				if index == nil {
					if err := e.checkRegistered(ctx, l); err != nil {
						return err
					}
				}
				err := l.Err
				if err == nil {
					err = e.fill(ctx, &run[i], &l.Record, l.Number)
				}
				if err != nil {
					run[i] = console.FeedRecord{N: l.Number, Value: l.Text, Err: err}
				}
			}
			err := send(run)
			bar.count(int64(len(lines)))
			return err
		}
		opts := events.LineOptions{Complete: e.complete}
		if index != nil {
			return e.validator.RecallLines(ctx, bar.reader(r), index, opts, fill)
		}
		return e.validator.CheckLines(ctx, bar.reader(r), opts, fill)
	}}
}

// input is a file of events that can be read twice.
type input struct {
	name   string // "" is standard input
	file   *os.File
	stream io.Reader // what can be read once, until it is spooled
	size   int64     // 0 unknown
}

func openInput(ctx context.Context, a *app, name string) (*input, error) {
	if name == "-" {
		return &input{stream: a.in}, nil
	}
	file, err := openUntil(ctx, name)
	if err != nil {
		return nil, usagef("--file %w", err)
	}
	info, err := file.Stat()
	switch {
	case err == nil && info.IsDir():
		err = usagef("--file %s: is a directory", name)
	case err == nil && info.Mode().IsRegular():
		return &input{name: name, file: file, size: info.Size()}, nil
	case err == nil:
		return &input{name: name, stream: file}, nil
	}
	return nil, errors.Join(err, file.Close())
}

func (in *input) shown() string {
	if in.name == "" {
		return "standard input"
	}
	return in.name
}

func (in *input) is(name string) bool { return in.file != nil && same(in.file, name) }

// first reads the input and keeps what passes, when it can be read only once,
// in a file that nobody else may read.
func (in *input) first(ctx context.Context) (io.Reader, error) {
	if in.stream == nil {
		return in.file, nil
	}
	spool, err := os.CreateTemp("", "manage-kafka-events-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("keeping %s until it is checked: %w", in.shown(), err)
	}
	in.file = spool
	return io.TeeReader(readUntil(ctx, in.stream), spool), nil
}

// again reads the input from its beginning.
func (in *input) again(ctx context.Context) (io.Reader, error) {
	if in.file == nil {
		return readUntil(ctx, in.stream), nil
	}
	size, err := in.file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	in.size = size
	_, err = in.file.Seek(0, io.SeekStart)
	return in.file, err
}

func (in *input) close() error {
	if in.file == nil {
		return nil
	}
	err := in.file.Close()
	if in.stream != nil {
		err = errors.Join(err, os.Remove(in.file.Name()))
	}
	return err
}
