package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
)

// maxEdited bounds a value that comes from a file, in bytes.
const maxEdited = 64 << 20

func newDLQEditCommand(a *app) *cobra.Command {
	var flags runFlags
	file := ""
	cmd := &cobra.Command{
		Use:   "edit DLQ [PARTITION@OFFSET...]",
		Short: "Change the value of a letter and send it",
		Long: `Open the value of each letter, one after the other, in $VISUAL or $EDITOR, show what
was changed, and send the letter with the new value, exactly once as replay does.
JSON in one line is spread over many and put together again; what is no text is
edited as base64. A value that was left as it is is not sent.

An event that was changed gets an id of its own, with the old one as causationId,
and every changed letter the hash of the value it had, in dlq-replay-edited.

The editor's words are split at blanks and quotes; no shell sees them. Without a
terminal --file gives the new value of one letter, byte for byte but for a newline
at its end that the letter had not.

` + selectionHelp,
		Example: `  manage-kafka dlq edit orders.dlq 3@1204
  manage-kafka dlq edit orders.dlq 3@1204 --file fixed.json -y
  manage-kafka dlq edit orders.dlq --failure a91f --limit 3`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			opts.Queue = args[0]
			return runDLQEdit(cmd.Context(), a, &flags, opts, args[1:], file)
		},
	}
	flags.bind(a, cmd, true)
	f := cmd.Flags()
	f.StringVar(&flags.opts.To, "to", "", "send to this `topic`, or to \"original\": the one that the letter names")
	f.StringVar(&flags.opts.ForGroup, "for-group", "", "send to one consumer `group`, or to \"original\": the one that the letter failed in")
	f.StringVar(&file, "file", "", "`file` with the new value, - for standard input")
	meant(f, "to", "for-group", "file")
	return cmd
}

func runDLQEdit(ctx context.Context, a *app, flags *runFlags, opts dlq.Options, names []string, file string) error {
	if err := checkEdit(a, flags, names, file); err != nil {
		return err
	}
	list, mask, err := a.lettersToEdit(ctx, opts, names)
	if err != nil {
		return err
	}
	for i := range list {
		if err := a.editLetter(ctx, flags, opts, &list[i], mask, file); err != nil {
			if len(list) > 1 {
				return fmt.Errorf("%s (%d of %d): %w", list[i].ID, i+1, len(list), err)
			}
			return err
		}
	}
	return nil
}

func checkEdit(a *app, flags *runFlags, names []string, file string) error {
	for _, name := range names {
		if _, _, err := dlq.ParseLetter(name); err != nil {
			return usageOf(flags.cmd, err)
		}
	}
	switch selected := flags.sel.given(flags.cmd); {
	case len(names) == 0 && !selected:
		return usageOf(flags.cmd, errors.New("which letters? Name them as PARTITION@OFFSET, or select them"))
	case len(names) > 0 && selected:
		return usageOf(flags.cmd, errors.New("name letters or select them, not both"))
	case file != "" && len(names) != 1:
		return usageOf(flags.cmd, errors.New("--file is the value of one letter: name one"))
	case file == "" && (!isTerminal(a.in) || !isTerminal(a.errOut)):
		return withHint(usagef("no terminal to edit on"), "give the new value with --file, or change letters by a program with: manage-kafka dlq replay --jq")
	}
	return nil
}

// lettersToEdit reads the letters. Nothing of it is held while somebody edits.
func (a *app) lettersToEdit(ctx context.Context, opts dlq.Options, names []string) ([]dlq.Shown, console.Mask, error) {
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return nil, console.Mask{}, err
	}
	defer c.Close()
	if err := a.guardBefore(); err != nil {
		return nil, console.Mask{}, err
	}
	mask, err := a.valueMask(c)
	if err != nil {
		return nil, mask, err
	}
	list, note, err := dlq.Show(ctx, c, opts.Queue, dlq.ShowOptions{Letters: names, Selection: opts.Selection, Ledger: firstNonEmpty(opts.Ledger, ledger)})
	if err != nil {
		return nil, mask, explainDLQ(err)
	}
	if note != "" {
		a.print.warn("%s", note)
	}
	for i := range list {
		if s := &list[i]; s.State != dlq.StatePending {
			return nil, mask, withHint(fmt.Errorf("%s is %s: nothing to edit", s.ID, s.State), "see its way with: manage-kafka dlq trace %s %s", opts.Queue, s.ID)
		}
	}
	return list, mask, nil
}

// editLetter has one letter changed and sends it.
func (a *app) editLetter(ctx context.Context, flags *runFlags, opts dlq.Options, s *dlq.Shown, mask console.Mask, file string) error {
	was := s.Content()
	content := s.Record
	content.Value = was
	var now []byte
	var err error
	switch {
	case file != "":
		if now, err = a.readValue(ctx, file); err == nil && !bytes.HasSuffix(was, []byte("\n")) {
			now = bytes.TrimSuffix(now, []byte("\n"))
		}
	case !bytes.Equal(mask.Value(&content), was):
		return withHint(fmt.Errorf("%s has members that the context masks, which an editor would show", s.ID), "change it by a program with: manage-kafka dlq replay %s --jq", opts.Queue)
	default:
		now, err = a.editValue(ctx, was)
	}
	if err != nil {
		return err
	}
	if bytes.Equal(was, now) {
		a.print.status("%s is as it was; nothing was sent", s.ID)
		return nil
	}
	before, after := s.Record, s.Record
	before.Value, after.Value = was, now
	fmt.Fprintf(a.errOut, "letter %s\n%s", s.ID, diffText(&before, &after, mask, a.print.errColor))
	if json.Valid(was) && !json.Valid(now) {
		a.print.warn("%s was JSON and is none any more", s.ID)
	}
	opts.UseValue(s.Record.Partition, s.Record.Offset, now)
	return runDLQ(ctx, a, flags, opts)
}

func (a *app) readValue(ctx context.Context, file string) ([]byte, error) {
	var in io.Reader
	if file == "-" {
		in = readUntil(ctx, a.in)
	} else {
		f, err := openUntil(ctx, file)
		if err != nil {
			return nil, usagef("--file: %w", err)
		}
		defer f.Close()
		in = fileUntil(ctx, f)
	}
	value, err := io.ReadAll(io.LimitReader(in, maxEdited+1))
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	if len(value) > maxEdited {
		return nil, usagef("--file %s: more than %d bytes", file, maxEdited)
	}
	return value, nil
}

// editValue opens a value in the user's editor until what it leaves can be
// read, or the user gives up.
func (a *app) editValue(ctx context.Context, value []byte) ([]byte, error) {
	draft := fix.NewDraft(value)
	text := draft.Text()
	for {
		edited, err := a.openEditor(ctx, draft.Name(), text)
		if err != nil {
			return nil, err
		}
		now, err := draft.Value(edited)
		if err == nil {
			return now, nil
		}
		fmt.Fprintln(a.errOut, terminal.Lines(err.Error()))
		if err := a.confirmDestructive(ctx, "edit it again"); err != nil {
			return nil, err
		}
		text = edited
	}
}
