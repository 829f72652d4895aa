package fix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// CommandTime is how long a command of [Command] may take over one letter.
const CommandTime = 10 * time.Second

// A Check looks at a letter as it would be sent. It returns why the letter must
// not be, nil when it may; an error is a check that could not be made at all.
// Several letters may be checked at once.
type Check func(ctx context.Context, r *kafka.Record) (*Refusal, error)

// JSON checks that a value is one JSON text without duplicate members or
// invalid UTF-8. A null value is not.
func JSON() Check {
	return func(_ context.Context, r *kafka.Record) (*Refusal, error) {
		if r.Value == nil {
			return &Refusal{Reason: "the value is null"}, nil
		}
		if err := strictjson.Check(r.Value); err != nil {
			return &Refusal{Reason: err.Error()}, nil
		}
		return nil, nil
	}
}

// Event checks that a value is an event of the contract. The pointer is that of
// the first member that is wrong; the reason counts the others.
func Event(v *events.Validator) Check {
	return func(_ context.Context, r *kafka.Record) (*Refusal, error) {
		if r.Value == nil {
			return &Refusal{Reason: "the value is null"}, nil
		}
		err := v.Check(r.Value)
		var invalid *events.InvalidError
		switch {
		case err == nil:
			return nil, nil
		case errors.As(err, &invalid) && len(invalid.Failures) > 0:
			first := invalid.Failures[0]
			reason := first.Message
			if more := len(invalid.Failures) - 1; more > 0 {
				reason += fmt.Sprintf(" (and %d more)", more)
			}
			return &Refusal{Reason: reason, Pointer: first.Pointer}, nil
		}
		return &Refusal{Reason: err.Error(), Pointer: pointerOf(err)}, nil
	}
}

func pointerOf(err error) string {
	switch {
	case errors.Is(err, events.ErrUnknownType):
		return "/type"
	case errors.Is(err, events.ErrUnknownMajor):
		return "/dataVersion"
	}
	return ""
}

// Decodes checks that a value can be decoded, as by a schema registry: decode
// fails with an error for which ofValue is true when this one value cannot.
func Decodes(decode func(context.Context, []byte) error, ofValue func(error) bool) Check {
	return func(ctx context.Context, r *kafka.Record) (*Refusal, error) {
		if r.Value == nil {
			return &Refusal{Reason: "the value is null"}, nil
		}
		err := decode(ctx, r.Value)
		switch {
		case err == nil:
			return nil, nil
		case ofValue(err):
			return &Refusal{Reason: firstLine(err.Error())}, nil
		}
		return nil, err
	}
}

// firstLine counts the lines that it leaves out.
func firstLine(text string) string {
	first, rest, more := strings.Cut(text, "\n")
	if more {
		first += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return first
}

// Command checks values by a command, which gets a value on its standard input
// and lets it pass by ending with 0. The reason is the first line of what it
// says on standard error. words are the command and its arguments; no shell
// looks at them.
func Command(words []string) (Check, error) {
	if len(words) == 0 {
		return nil, errors.New("no command to check letters with")
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, r *kafka.Record) (*Refusal, error) {
		limit, cancel := context.WithTimeout(ctx, CommandTime)
		defer cancel()
		var said bytes.Buffer
		c := exec.CommandContext(limit, path, words[1:]...)
		c.Stdin, c.Stderr = bytes.NewReader(r.Value), &limited{into: &said}
		c.WaitDelay = time.Second // for a grandchild that holds the streams
		err := c.Run()
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil, errors.Is(err, exec.ErrWaitDelay):
			return nil, nil
		case limit.Err() != nil:
			return &Refusal{Reason: fmt.Sprintf("%s did not end within %s", words[0], CommandTime)}, nil
		case errors.As(err, &exit):
			if line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n"); line != "" {
				return &Refusal{Reason: words[0] + ": " + strings.ToValidUTF8(line, "\uFFFD")}, nil
			}
			return &Refusal{Reason: words[0] + ": " + exit.String()}, nil
		}
		return nil, err
	}, nil
}

// check asks all checks about the letters that are to be sent, several letters
// at once.
func (f *Fixer) check(ctx context.Context, results []Result) error {
	if len(f.options.Checks) == 0 {
		return nil
	}
	workers := min(runtime.GOMAXPROCS(0), len(results))
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(results) && errs[w] == nil && ctx.Err() == nil; i += workers {
				errs[w] = f.checkOne(ctx, &results[i])
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}

func (f *Fixer) checkOne(ctx context.Context, r *Result) error {
	for _, c := range f.options.Checks {
		if r.Stays() {
			return nil
		}
		refusal, err := c(ctx, &r.Record)
		if err != nil {
			return err
		}
		r.Refused = refusal
	}
	return nil
}
