package cmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// showLetter writes one letter for a person. Every byte of it is somebody
// else's, so all goes out escaped.
func (a *app) showLetter(s dlq.Shown, now time.Time) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-11s%s\n", name, terminal.Escape(value))
		}
	}
	l := s.Letter
	line("letter", s.ID)
	line("queue", s.Queue)
	line("state", s.State)
	line("failure", s.Failed)
	line("origin", originText(l))
	line("group", l.Group)
	line("class", l.Class)
	if root := l.RootClass(); root != l.Class {
		line("cause", root)
	}
	line("message", l.Message)
	line("stage", l.Stage)
	line("reason", l.Reason)
	if l.Message == "" && l.Class == "" {
		line("shape", l.Shape)
	}
	line("attempts", attemptsText(l))
	line("service", strings.TrimSpace(l.Service+" "+l.AppVersion))
	line("replayed", replayedText(l))
	line("stored", storedText(s, now))
	line("format", string(l.Format))
	line("key", bytesShown(s.Record.Key))
	if l.Stack != "" {
		b.WriteString("stack\n" + indentedLines(l.Stack))
	}
	if len(s.Record.Headers) > 0 {
		b.WriteString("headers\n")
		width := 0
		for _, h := range s.Record.Headers {
			width = max(width, len(h.Name))
		}
		for _, h := range s.Record.Headers {
			fmt.Fprintf(&b, "  %-*s  %s\n", min(width, 40), terminal.Escape(h.Name), headerShown(h))
		}
	}
	fmt.Fprintf(&b, "value (%s)\n", valueKind(s.Record.Value))
	if len(s.Record.Value) > 0 {
		b.WriteString(terminal.Lines(string(s.Record.Value)) + "\n")
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

func originText(l dlq.Letter) string {
	o := l.Origin
	if o.Topic == "" {
		return "unknown"
	}
	text := o.Topic
	if o.Partition >= 0 {
		text += "/" + strconv.Itoa(int(o.Partition))
	}
	if o.Offset >= 0 {
		text += "@" + strconv.FormatInt(o.Offset, 10)
	}
	if !o.Timestamp.IsZero() {
		text += ", written " + timeText(o.Timestamp)
	}
	if l.Hop != o && l.Hop.Known() {
		text += fmt.Sprintf(", last from %s/%d@%d", l.Hop.Topic, l.Hop.Partition, l.Hop.Offset)
	}
	return text
}

func attemptsText(l dlq.Letter) string {
	var parts []string
	if l.Attempts > 0 {
		parts = append(parts, strconv.Itoa(l.Attempts))
	}
	if !l.FirstFailedAt.IsZero() && !l.FirstFailedAt.Equal(l.FailedAt) {
		parts = append(parts, "first failed "+timeText(l.FirstFailedAt))
	}
	if !l.FailedAt.IsZero() {
		parts = append(parts, "failed "+timeText(l.FailedAt))
	}
	return strings.Join(parts, ", ")
}

func replayedText(l dlq.Letter) string {
	if l.ReplayCount == 0 && l.ReplayRun == "" {
		return ""
	}
	text := plural(int64(l.ReplayCount), "time")
	if l.ReplayRun != "" {
		text += ", last by run " + l.ReplayRun
	}
	if l.ReplayGroup != "" {
		text += ", for group " + l.ReplayGroup
	}
	return text
}

func storedText(s dlq.Shown, now time.Time) string {
	text := timeText(s.Record.Timestamp)
	if !s.Expires.IsZero() {
		text += ", expires in " + expiryText(s.Expires, now)
	}
	return text
}

// bytesShown is a key as text, or hexadecimal where it is none.
func bytesShown(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case len(b) == 0:
		return `""`
	case utf8.Valid(b):
		return string(b)
	}
	return fmt.Sprintf("0x%x", b)
}

// headerShown cuts what would hide the rest; -o json has it whole.
func headerShown(h kafka.Header) string {
	const most = 200
	if h.Value == nil {
		return "null"
	}
	text, number := dlq.HeaderText(h)
	if !number && !utf8.ValidString(text) {
		text = fmt.Sprintf("0x%x", h.Value[:min(len(h.Value), most)])
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "… (" + byteCount(len(h.Value)) + ")"
	}
	return terminal.Escape(text)
}

func byteCount(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func valueKind(value []byte) string {
	switch {
	case value == nil:
		return "null"
	case !utf8.Valid(value):
		return byteCount(len(value)) + ", no text"
	}
	return byteCount(len(value))
}

func indentedLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\r\n")) {
		b.WriteString("  " + terminal.Escape(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return b.String()
}

// shortClass is a class without its package.
func shortClass(class string) string {
	return class[strings.LastIndexByte(class, '.')+1:]
}
