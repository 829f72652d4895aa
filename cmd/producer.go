package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newProducerCommand(a *app) *cobra.Command {
	var f producerFlags
	cmd := &cobra.Command{
		Use:     "producer TOPIC",
		Aliases: []string{"produce"},
		Short:   "Send records to a topic",
		Long: `producer reads records from standard input or files and sends them to TOPIC.

A line is a record, its text the value; \n and \r\n end it, and the last line needs neither. -K splits off
a key, -f jsonl reads the lossless form that "consumer -f jsonl" writes, and what kcat -J, kaf -o json and
kafkactl -o json write.

By default every in-sync replica acknowledges each record, no retry sends it twice, and a key goes to the
partition where Java's clients put it. A record that cannot be sent ends the run once everything before it
is acknowledged; --on-error skip writes it to --rejects instead and goes on.

A percent format such as '%k\t%v\n' reads what the same format writes, see "manage-kafka consumer --help".
With --schema or --schema-id each value is held against that schema of the registry and sent with its id
in front, as Confluent's serializers do: JSON as it is, Avro and Protobuf encoded from JSON. With --key-schema
so is each key.

The end says how many records were sent, of a single one where it went, with -v of all; -o json is for scripts.

A template makes records up; see its functions with: manage-kafka help templates`,
		GroupID: groupRecords,
		Example: `  echo hello | manage-kafka producer my-topic
  manage-kafka producer my-topic -K : < keys-and-values.txt
  echo hello | manage-kafka producer my-topic -k user-7 -H source=shop -p 0
  echo | manage-kafka producer my-topic -k user-7 -Z
  manage-kafka consumer orders -f jsonl -e --from-beginning | manage-kafka producer copy -f jsonl --keep-timestamp --keep-partition
  manage-kafka producer my-topic -f jsonl --file events.jsonl --on-error skip --rejects rejects.jsonl
  manage-kafka producer my-topic --template user.tmpl --count 1000 --seed 7`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return withHint(fmt.Errorf("producer takes one topic, got %d arguments", len(args)), "a file's lines are sent with: --file FILE; a file as one record with: -D '\\x00' --file FILE")
			case len(args) == 0 && !f.topicFromRecord:
				return errors.New("producer needs a topic: producer TOPIC")
			}
			return nil
		},
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.topic = args[0]
			}
			f.given = cmd.Flags().Changed
			return runProducer(cmd.Context(), a, &f)
		},
	}
	f.bind(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "summary on stdout as `json` or yaml (default: none, a line on stderr)")
	completeValues(cmd, "output", formatJSON, formatYAML)
	return cmd
}

func runProducer(ctx context.Context, a *app, f *producerFlags) (err error) {
	switch f.output {
	case "", formatJSON, formatYAML:
		a.print.format = f.output
	default:
		return usagef("--output %q: want json or yaml", f.output)
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	if opts.Template, err = f.readTemplate(ctx, a); err != nil {
		return err
	}
	files, err := f.openSources(ctx, a, &opts)
	defer func() { err = errors.Join(err, files.close()) }()
	if err != nil {
		return err
	}
	// The connection outlives an interrupt for the moment that Produce takes
	// to send what was read.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	connected := context.AfterFunc(ctx, func() { end(ctx.Err()) })
	c, err := a.openForChange(life)
	if err != nil {
		return err
	}
	defer c.Close()
	if !connected() {
		return ctx.Err()
	}
	encode, err := a.encoders(ctx, f.schemaFlags, f.given("schema-registry"))
	if err != nil {
		return err
	}
	opts.Encode, opts.EncodeKey = encode.value, encode.key
	opts.Notice = a.print.status1
	if isTerminal(a.in) && a.print.errTTY && !a.print.quiet && opts.Template == nil && len(f.files) == 0 {
		opts.Waiting = func() { fmt.Fprint(a.errOut, "> ") }
	}
	res, err := console.Produce(ctx, c, opts)
	if opts.Waiting != nil {
		fmt.Fprintln(a.errOut) // the prompt's line
	}
	if errors.Is(err, kafka.ErrUnknownTopic) && res.Sent == 0 && !f.topicFromRecord {
		return explainUnknownTopic(ctx, c, f.topic, err)
	}
	if printErr := printSent(a, f, res); err == nil {
		err = printErr
	}
	return explainProduce(f, res, err)
}

// printSent tells what was done: a line for a person, or the numbers.
func printSent(a *app, f *producerFlags, res console.ProduceResult) error {
	if f.output != "" {
		return printValue(a.print, res, nil)
	}
	to := f.topic
	if f.topicFromRecord {
		to = "the topics they name"
	}
	line := fmt.Sprintf("sent %s (%s) to %s in %s", plural(res.Acked, "record"), byteSize(res.Bytes), to, shortSeconds(res.Seconds))
	if res.Acked == 1 && len(res.Offsets) == 1 && res.Offsets[0].First >= 0 {
		line += fmt.Sprintf(", partition %d, offset %d", res.Offsets[0].Partition, res.Offsets[0].First)
	}
	if res.Failed > 0 && f.rejects != "" {
		line += fmt.Sprintf(", %s in %s", plural(res.Failed, "reject"), f.rejects)
	}
	a.print.status1(line)
	if a.print.verbose && res.Acked > 1 {
		for _, w := range res.Offsets {
			a.print.status("%s/%d: %s, offsets %d to %d", w.Topic, w.Partition, plural(w.Records, "record"), w.First, w.Last)
		}
	}
	return nil
}

// explainProduce gives the error of a run its exit code and its next step.
func explainProduce(f *producerFlags, res console.ProduceResult, err error) error {
	if err == nil {
		if res.Failed > 0 {
			to := f.topic
			if f.topicFromRecord {
				to = strings.TrimSpace(to + " --topic-from-record")
			}
			return withHint(withCode(fmt.Errorf("%s not sent", plural(res.Failed, "record")), exitPartly),
				"mend %s and send it with: manage-kafka producer %s -f jsonl --file %s", f.rejects, to, shellWord(f.rejects))
		}
		return nil
	}
	var record *console.RecordError
	if errors.As(err, &record) {
		return withHint(withCode(err, exitPartly), "%s", f.remedy(record))
	}
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) {
		return err
	}
	hint := fmt.Sprintf("go on with %v", cut.Resume)
	if cut.Unsure > 0 {
		hint += "; some records from there on may already be in the topic"
	}
	switch {
	case errors.Is(err, console.ErrFenced):
		return withHint(withCode(err, exitBusy), "another producer uses this transactional id, or the transaction took longer than its timeout; %s", hint)
	case errors.Is(err, console.ErrSequence):
		return withHint(withCode(err, exitConflict), "%s", hint)
	}
	return withHint(err, "%s", hint)
}

// sources are the files a producer works with.
type sources []*os.File

func (s sources) close() error {
	var err error
	for _, f := range s {
		err = errors.Join(err, f.Close())
	}
	return err
}

// openSources opens the input and the rejects before anything is sent.
func (f *producerFlags) openSources(ctx context.Context, a *app, opts *console.ProduceOptions) (sources, error) {
	var open sources
	for _, name := range f.files {
		if name == "-" {
			opts.Sources = append(opts.Sources, console.Source{Reader: a.in})
			continue
		}
		file, err := openUntil(ctx, name)
		if err != nil {
			return open, usagef("--file %w", err)
		}
		open = append(open, file)
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return open, usagef("--file %s: is a directory", name)
		}
		opts.Sources = append(opts.Sources, console.Source{Name: name, Reader: file})
	}
	if len(f.files) == 0 {
		opts.Sources = []console.Source{{Reader: a.in}}
	}
	if f.rejects == "" {
		return open, nil
	}
	for _, file := range open {
		if same(file, f.rejects) {
			return open, usagef("--rejects %s: is also the input", f.rejects)
		}
	}
	file, err := os.OpenFile(f.rejects, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return open, fmt.Errorf("--rejects: %w", err)
	}
	opts.Rejects = file
	return append(open, file), nil
}

func same(file *os.File, name string) bool {
	one, err := file.Stat()
	if err != nil {
		return false
	}
	other, err := os.Stat(name)
	return err == nil && os.SameFile(one, other)
}

// readTemplate reads --template, when given.
func (f *producerFlags) readTemplate(ctx context.Context, a *app) (*console.Template, error) {
	if f.template == "" {
		return nil, nil
	}
	var text []byte
	var err error
	if f.template == "-" {
		text, err = io.ReadAll(io.LimitReader(readUntil(ctx, a.in), maxTemplate+1))
	} else {
		text, err = readBounded(ctx, f.template)
	}
	if err != nil {
		return nil, usagef("--template %w", err)
	}
	if len(text) > maxTemplate {
		return nil, usagef("--template %s: larger than %s", f.template, byteSize(maxTemplate))
	}
	if !f.given("seed") {
		f.seed = randomSeed()
		a.print.status("seed %d", f.seed)
	}
	t, err := console.ParseTemplate(f.template, string(text), f.seed)
	if err != nil {
		return nil, usagef("--template: %w", err)
	}
	return t, nil
}
