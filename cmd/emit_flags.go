package cmd

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
)

// emitFlags are the command line of emit-event.
type emitFlags struct {
	name        string
	data        string
	set         []string
	tenant      string
	user        string
	source      string
	correlation string
	causation   string
	id          string
	time        string
	key         string
	topic       string
	schema      string
	example     bool
	seed        uint64
	count       int64
	rate        string
	file        string
	onError     string
	rejects     string
	dryRun      bool
	cloudEvents string
	registry    string

	at     time.Time // of --time
	bound  console.Rate
	given  func(flag string) bool
	random bool // the seed was made up
}

func (f *emitFlags) bind(cmd *cobra.Command, a *app) {
	s := cmd.Flags()
	s.StringVar(&f.data, "data", "", "payload or event as `JSON`, @FILE, or - for standard input")
	s.StringArrayVar(&f.set, "set", nil, "set a member, as `data.member=value` (repeatable); what is no text is JSON")
	s.StringVar(&f.tenant, "tenant", "", "tenant's `id`")
	s.StringVar(&f.user, "user", "", "`id` of the user who set it off")
	s.StringVar(&f.source, "source", "", "`service` that makes the event (default manage-kafka@HOST)")
	s.StringVar(&f.correlation, "correlation-id", "", "`id` that all events of one cause share")
	s.StringVar(&f.causation, "causation-id", "", "`id` of the event that caused this one")
	s.StringVar(&f.id, "id", "", "the event's own `id` (default a new UUID)")
	s.StringVar(&f.time, "time", "", "`time` of the event in RFC 3339 (default now)")
	s.StringVar(&f.key, "key", "", "record `key` in place of the type's own")
	s.StringVar(&f.topic, "topic", "", "`topic` in place of the type's own; lets unknown types through")
	s.StringVar(&f.schema, "schema", "", "`file` with the JSON Schema of TYPE, which is not built in")
	s.BoolVar(&f.example, "example", false, "make the event up; without TYPE one of each type in turn")
	s.Uint64Var(&f.seed, "seed", 0, "`seed` of --example (default: a new one, shown)")
	s.Int64Var(&f.count, "count", 1, "`number` of examples")
	s.StringVar(&f.rate, "rate", "", "bound as `500/s` events or 5MB/s bytes")
	s.StringVar(&f.file, "file", "", "send the events in `file`, one a line; - for standard input")
	s.StringVar(&f.onError, "on-error", "stop", "when a line is invalid: `stop`, with nothing sent, or skip")
	s.StringVar(&f.rejects, "rejects", "", "`file` for the lines that --on-error skip leaves out")
	s.BoolVar(&f.dryRun, "dry-run", false, "check everything, print the events and send nothing")
	s.StringVar(&f.cloudEvents, "cloudevents", "", "send as CloudEvents in `mode` structured or binary")
	s.StringVar(&f.registry, "registry", "", "hold data against the newest schema in the schema registry at `URL` too")
	s.Lookup("registry").NoOptDefVal = usualRegistry
	setEnvironment(s, "registry") // whose variable is an address for other commands, and no wish
	meant(s, "registry", "tenant", "user", "source", "correlation-id", "causation-id", "id", "time", "key", "topic", "schema", "rate", "file", "rejects")
	// --set of all commands has this name here.
	s.StringArrayVarP(&a.flags.set, "client-set", "X", nil, "client setting by Kafka's name, as `key=value` (repeatable)")
	setEnvironment(s, "client-set", "MANAGE_KAFKA_SET")
	setEnvironment(s, "set")
	completeValues(cmd, "on-error", "stop", "skip")
	completeValues(cmd, "cloudevents", cloudStructured, cloudBinary)
	// The only error is a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("set", a.completeMembers)
}

// The values of --cloudevents.
const (
	cloudStructured = "structured"
	cloudBinary     = "binary"
)

// check finds flags that contradict each other or say nothing sensible.
func (f *emitFlags) check() error {
	if err := f.conflicts(); err != nil {
		return err
	}
	var err error
	switch {
	case f.onError != "stop" && f.onError != "skip":
		return usagef("--on-error %q: want stop or skip", f.onError)
	case f.onError == "skip" && f.rejects == "":
		return usagef("--on-error skip needs --rejects: without it the lines would be lost")
	case f.onError == "stop" && f.rejects != "":
		return usagef("--rejects needs --on-error skip")
	case f.cloudEvents != "" && f.cloudEvents != cloudStructured && f.cloudEvents != cloudBinary:
		return usagef("--cloudevents %q: want structured or binary", f.cloudEvents)
	case f.count < 1:
		return usagef("--count %d: want at least 1", f.count)
	case f.count > 1 && f.id != "":
		return usagef("--id is for one event: --count makes %d", f.count)
	case f.name == "" && f.file == "" && f.data == "" && !f.example:
		return withHint(usagef("no event: name its type, or give it with --data or --file"), "see all types with: manage-kafka events list")
	case f.name == "" && len(f.set) > 0 && f.data == "":
		return usagef("--set needs a TYPE")
	}
	if f.time != "" {
		if f.at, err = time.Parse(time.RFC3339Nano, f.time); err != nil {
			return usagef("--time %q: want RFC 3339, such as 2026-01-05T09:30:00Z", f.time)
		}
	}
	if f.rate != "" {
		if f.bound, err = console.ParseRate(f.rate); err != nil {
			return usagef("--rate: %w", err)
		}
	}
	return nil
}

func (f *emitFlags) conflicts() error {
	for _, pair := range [][2]string{
		{"file", "data"}, {"file", "set"}, {"file", "example"}, {"file", "id"}, {"example", "data"},
	} {
		if f.given(pair[0]) && f.given(pair[1]) {
			return usagef("--%s and --%s cannot be used together", pair[0], pair[1])
		}
	}
	for _, needs := range [][2]string{{"seed", "example"}, {"count", "example"}, {"rejects", "file"}, {"on-error", "file"}} {
		if f.given(needs[0]) && !f.given(needs[1]) {
			return usagef("--%s needs --%s", needs[0], needs[1])
		}
	}
	for _, flag := range []string{"data", "file", "tenant", "user", "source", "correlation-id", "causation-id", "id", "time", "topic", "schema", "cloudevents"} {
		if f.given(flag) && f.text(flag) == "" {
			return usagef("--%s is empty", flag)
		}
	}
	if f.schema != "" && f.name == "" {
		return usagef("--schema needs the TYPE that it is of")
	}
	return nil
}

func (f *emitFlags) text(flag string) string {
	return map[string]string{
		"data": f.data, "file": f.file, "tenant": f.tenant, "user": f.user, "source": f.source, "correlation-id": f.correlation,
		"causation-id": f.causation, "id": f.id, "time": f.time, "topic": f.topic, "schema": f.schema, "cloudevents": f.cloudEvents,
	}[flag]
}
