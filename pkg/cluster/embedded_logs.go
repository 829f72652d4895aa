package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

func serviceLine(l embedded.LogLine) LogLine {
	text, isRegistry := strings.CutPrefix(l.Text, embedded.RegistryLog)
	service := ServiceKafka
	if isRegistry {
		service = ServiceRegistry
	}
	if l.Level != "" {
		text = fmt.Sprintf("%-5s %s", l.Level, text)
	}
	return LogLine{Service: service, Time: l.Time, Text: text}
}

// Logs implements [Runtime].
func (r *embeddedRuntime) Logs(ctx context.Context, opts LogOptions) error {
	for _, name := range opts.Services {
		if name != ServiceKafka && name != ServiceRegistry {
			return errorf(ErrNoService, "%s does not run here: the embedded runtime runs %s and %s alone", name, ServiceKafka, ServiceRegistry)
		}
	}
	path := embedded.LogFile(r.dir)
	tail := newTail(opts.Tail)
	wanted := func(l embedded.LogLine) bool {
		return (opts.Since.IsZero() || !l.Time.Before(opts.Since)) &&
			(len(opts.Services) == 0 || slices.Contains(opts.Services, serviceLine(l).Service))
	}
	place, err := embedded.ReadLog(ctx, path, func(l embedded.LogLine) error {
		if wanted(l) {
			return tail.add(serviceLine(l), opts.Each)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := tail.flush(opts.Each); err != nil || !opts.Follow {
		return err
	}
	return embedded.FollowLog(ctx, path, place, func(l embedded.LogLine) error {
		if wanted(l) {
			return opts.Each(serviceLine(l))
		}
		return nil
	})
}

// tailer keeps the last n lines back, or passes all on when n is negative.
type tailer struct {
	n    int
	last []LogLine
}

func newTail(n int) *tailer { return &tailer{n: n} }

func (t *tailer) add(l LogLine, each func(LogLine) error) error {
	if t.n < 0 {
		return each(l)
	}
	t.last = append(t.last, l)
	if len(t.last) > t.n {
		t.last = slices.Delete(t.last, 0, 1)
	}
	return nil
}

func (t *tailer) flush(each func(LogLine) error) error {
	for _, l := range t.last {
		if err := each(l); err != nil {
			return err
		}
	}
	return nil
}
