package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/spelling"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// consumerOptions are the flags of the consumer command.
type consumerOptions struct {
	topics        []string
	regex         string
	offset        string
	from, to      string
	fromBeginning bool
	tail          int
	max           int64
	exitAtEnd     bool
	partitions    string
	group         string
	commit        bool
	format        string
	filterKey     []string
	filterValue   []string
	filterHeader  []string
	grep          []string
	jq            []string
	order         string
	isolation     string
	line          console.Line
	printValue    bool
	printAll      bool
	null          string
	idle          time.Duration
	rawTerminal   bool
	registry      string
	decode        []string
}

func newConsumerCommand(a *app) *cobra.Command {
	var opts consumerOptions
	cmd := &cobra.Command{
		Use:     "consumer TOPIC...",
		Aliases: []string{"consume"},
		Short:   "Read records of topics",
		GroupID: groupRecords,
		Long:    consumerHelp,
		Example: `  manage-kafka consumer orders
  manage-kafka consumer orders --from-beginning --exit-at-end
  manage-kafka consumer orders -o -5 -f '%p/%o %d{strftime[%F %T]} %k: %v\n'
  manage-kafka consumer orders --tail 20 --print-all
  manage-kafka consumer orders -p 0 -o 1200 -n 1 -f json
  manage-kafka consumer orders --from 2h --to 1h --jq '.amount > 100' -f jsonl
  manage-kafka consumer orders -o :end -f jsonl | manage-kafka producer copy -f jsonl`,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.topics = args
			return runConsumer(cmd.Context(), a, cmd, opts)
		},
	}
	opts.bind(cmd)
	return cmd
}

const consumerHelp = `Read records of one or more topics and write them to standard output. Without
anything else it follows from the end, until Ctrl-C.

Where to read (--offset):
  start, end   the beginning or end of each partition
  N            the offset N          +N  N after the start    -N  N before the end
  N:M          from N up to, and without, M; either may be one of the above
  :end         everything that is there now, then stop
  @TIME        from the first record at or after TIME
  @T1:T2       between two times; T2 may be end
With -e, an offset that lies after the end of every partition is exit 8; the next
one to be written is not.
TIME is RFC 3339, a date (UTC), 10 or 13 digits, or a duration ago: 90s, -1h30m, 7d.
A time range reads up to the first record at or after T2 in each partition.
--tail N shows the last N wanted records of all partitions together, in the order
of their timestamps, and ends.

Formats (--format): without one, the value and a newline, with what --print-...
adds before it in the words of Kafka's own console consumer.
  jsonl   one JSON object a line, lossless: producer -f jsonl reads it back
  json    the same over several lines
  raw     the value and a newline     hex  the value in hexadecimal and a newline
  table   columns for people, the types of events among them
or text with verbs, as in rpk and kcl (no newline is added):
  %t topic  %p partition  %o offset  %e leader epoch  %d timestamp  %i running count
  %k key  %v value (also %s)  %h{%k=%v } each header  %T %K %V (also %S) lengths
  of topic, key and value, -1 for null  %H number of headers  %% %{ %} themselves
  %E type of an event: its header event-type or ce_type, or the envelope's member type
  \t \n \r \\ \xNN
%k %v %t %E take {hex} {base64} {base64raw} {json} {unpack[<iq...]}; numbers {ascii} {hex}
{hex64}..{hex4} {big64}..{big8} {little64}..{little8} {byte} {bool}; %d also
{go[2006-01-02]} and {strftime[%F %T]}. In kcat %T is the timestamp; here it is
the topic's length.

With --group partitions are shared with the group's members, who are named before
anything is taken from them, and reading begins at the group's offsets; --commit
moves those past what was shown.

Filters all have to match. --filter-... take globs (* ? [a-z] {a,b}) over the whole
text, --grep takes k:RE, v:RE or h:NAME=RE with ! before it to turn it round, --jq
an expression over the JSON value. With a filter and an end, nothing matching is
exit 8.

With --schema-registry, values that carry a schema's id in front, as Confluent's
serializers write them, are shown as JSON: JSON Schema as it is, Avro and Protobuf
decoded. --decode key,value does the same with keys; alone it takes the registry of
SCHEMA_REGISTRY_URL, else of the project's stack. Filters see what is shown. What
cannot be decoded is shown as it is, and the end is exit 5. Credentials come from the environment
(SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO, SCHEMA_REGISTRY_BASIC_AUTH_FILE,
SCHEMA_REGISTRY_BEARER_TOKEN_FILE, SCHEMA_REGISTRY_CA_FILE, SCHEMA_REGISTRY_CERT_FILE,
SCHEMA_REGISTRY_KEY_FILE), never from the URL.

On a terminal, control characters are shown as \x1b and the like; a pipe gets the
bytes as they are.`

func runConsumer(ctx context.Context, a *app, cmd *cobra.Command, o consumerOptions) error {
	consume, err := o.consume(time.Now())
	if err != nil {
		return usageOf(cmd, err)
	}
	consume.Notice = a.print.status1
	format, err := o.printOptions(a)
	if err != nil {
		return usageOf(cmd, err)
	}
	c, err := a.openConsumer(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	_, mask := a.target.files.Rules(c.Bootstrap(), c.ClusterID())
	a.target.mask = append(a.target.mask, mask...)
	if o.group != "" {
		if err := a.joinGroup(ctx, c, o); err != nil {
			return err
		}
	}
	if format.Mask, err = console.NewMask(a.target.mask); err != nil {
		return err
	}
	decoding, err := a.decoding(o.registry, o.decode)
	if err != nil {
		return err
	}
	defer decoding.close()
	if consume.Decode = decoding.hook(); consume.Decode == nil && isTerminal(a.out) {
		consume.Decode = a.noteFrames()
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer watchOutput(work, a.out, func() { stop(syscall.EPIPE) })()
	sum, err := console.Consume(work, c, a.out, console.NewPrinter(format), consume)
	switch {
	case a.readerGone(err), errors.Is(context.Cause(work), syscall.EPIPE):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %s", ctx.Err(), written(sum))
	case err != nil:
		return explainConsume(ctx, c, err)
	}
	if sum.FilterError != nil {
		a.print.warn("--jq: %v", sum.FilterError)
	}
	if err := decoding.result(); err != nil {
		return err
	}
	if sum.PastEnd != "" {
		return withHint(withCode(errors.New(sum.PastEnd), exitNoMatch), "read the last 10 with: -o -10; all: -o start; without -e it waits for that offset")
	}
	if sum.Written == 0 && consume.Filter.Any() && (consume.ExitAtEnd || consume.Tail > 0 || consume.Range.To.Anchor != console.Unset) {
		return withCode(fmt.Errorf("no record matches; looked at %s", plural(sum.Read, "record")), exitNoMatch)
	}
	return nil
}

// openConsumer connects. The connection of a group's member outlives Ctrl-C:
// it has to commit what was shown and to leave, or its partitions stay with
// nobody until the broker misses it.
func (a *app) openConsumer(ctx context.Context, o consumerOptions) (*kafka.Client, error) {
	if o.group == "" {
		return a.open(ctx)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	connected := context.AfterFunc(ctx, stop)
	c, err := a.open(life)
	connected()
	if err != nil {
		stop()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

// joinGroup asks before it takes partitions away from a group's members.
func (a *app) joinGroup(ctx context.Context, c *kafka.Client, o consumerOptions) error {
	group, members, err := groups.New(c).Members(ctx, o.group)
	if err != nil && !errors.Is(err, groups.ErrNotFound) {
		return err
	}
	if err == nil && group.Type != groups.Classic {
		return withHint(withCode(fmt.Errorf("group %s: it is of type %s, and only classic groups can be joined", o.group, group.Type), exitConflict),
			"read without --group, or take another group")
	}
	if o.commit || len(members) > 0 {
		if err := a.guardChange(ctx, c); err != nil {
			return err
		}
	}
	if len(members) == 0 {
		return nil
	}
	var names []string
	for _, m := range members {
		names = append(names, m.ClientID+" at "+strings.TrimPrefix(m.Host, "/"))
	}
	return a.confirmDestructive(ctx, fmt.Sprintf("group %s has %s (%s) and this takes partitions away from them", o.group, plural(int64(len(members)), "live member"), strings.Join(names, ", ")))
}

// written says how many records an interrupted run has shown.
func written(sum console.Summary) string {
	if sum.Uncertain {
		return "wrote at least " + plural(sum.Written, "record") + "; the output did not take more"
	}
	return "wrote " + plural(sum.Written, "record")
}

// explainConsume gives an error of reading its exit code and hint.
func explainConsume(ctx context.Context, c *kafka.Client, err error) error {
	switch {
	case errors.Is(err, console.ErrNoTopics):
		return withCode(err, exitNoMatch)
	case errors.Is(err, console.ErrNoPartition), errors.Is(err, console.ErrDeleted):
		return err
	case errors.Is(err, kafka.ErrUnknownTopic):
		meta, listErr := c.Metadata(ctx, nil)
		if listErr != nil {
			return err
		}
		names := make([]string, 0, len(meta.Topics))
		for _, t := range meta.Topics {
			names = append(names, t.Name)
		}
		name, _, _ := strings.Cut(err.Error(), ":")
		return explainTopics(&topics.NotFoundError{Name: name, Near: spelling.Nearest(name, names)})
	}
	return err
}
