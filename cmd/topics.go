package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// explainTopics gives an error of package topics its exit code and its hint.
func explainTopics(err error) error {
	if err == nil {
		return nil
	}
	var missing *topics.NotFoundError
	var exists *topics.ExistsError
	switch {
	case errors.Is(err, topics.ErrInvalidConfig):
		return withHint(withCode(err, exitUsage), "all settings: manage-kafka help topic-settings; --force-config leaves the check to the broker")
	case errors.Is(err, topics.ErrInvalidName), errors.Is(err, topics.ErrInvalidCount), errors.Is(err, topics.ErrBadPattern), errors.Is(err, topics.ErrInternal):
		return withCode(err, exitUsage)
	case errors.As(err, &exists):
		return withHint(withCode(err, exitConflict), "see it with: manage-kafka describe-topic %s", exists.Name)
	case errors.Is(err, topics.ErrExists), errors.Is(err, topics.ErrRecreated):
		return withCode(err, exitConflict)
	case errors.Is(err, topics.ErrCollides):
		return withHint(withCode(err, exitConflict), "take another name, or the topic that is there; see the topics with: manage-kafka list-topics")
	case errors.Is(err, topics.ErrShrink):
		return withHint(withCode(err, exitConflict), "Kafka only adds partitions; a topic with fewer has to be made anew under another name")
	case errors.Is(err, topics.ErrNotReady):
		return withCode(err, exitTimeout)
	case errors.Is(err, topics.ErrTooFewBrokers):
		return withHint(err, "leave --replication-factor out for the broker's default")
	case errors.As(err, &missing) && len(missing.Near) > 0:
		return withHint(err, "did you mean %s?", strings.Join(missing.Near, " or "))
	case errors.Is(err, topics.ErrNotFound), errors.Is(err, kafka.ErrUnknownTopic):
		return withHint(err, "see the topics there are with: manage-kafka list-topics")
	}
	return err
}

// someFailed ends a command that worked on several topics one by one: each
// error is said on its own line, and the exit code tells partly from not at all.
func (a *app) someFailed(what string, total int, failed []error) error {
	return a.someOfFailed("topics", what, total, failed)
}

// someOfFailed is someFailed for other things than topics.
func (a *app) someOfFailed(things, what string, total int, failed []error) error {
	switch {
	case len(failed) == 0:
		return nil
	case total == 1:
		return explainTopics(failed[0])
	}
	for _, err := range failed {
		a.print.warn("%v", err)
	}
	err := fmt.Errorf("%d of %d %s not %s", len(failed), total, things, what)
	if len(failed) < total {
		return withHint(withCode(err, exitPartly), "the others are done; running it again is safe")
	}
	return withCode(err, exitCode2(explainTopics(failed[0])))
}

// exitCode2 is the code that an explained error carries or stands for, 1 where
// it has none.
func exitCode2(err error) int {
	var coded *codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, kafka.ErrNotPermitted):
		return exitNotPermitted
	case errors.Is(err, kafka.ErrUnreachable):
		return exitUnreachable
	}
	return exitFailed
}

// settingsFlag binds -c to a list of key=value settings.
func settingsFlag(f *pflag.FlagSet, list *[]string) {
	f.StringArrayVarP(list, "config", "c", nil, "topic setting, as `key=value` (repeatable)")
}

// parseSettings reads key=value pairs. A value may hold '=' and ','.
func parseSettings(list []string) (map[string]string, error) {
	settings := make(map[string]string, len(list))
	for _, item := range list {
		key, value, ok := strings.Cut(item, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			return nil, usagef("--config %q: want key=value", item)
		}
		if _, twice := settings[key]; twice {
			return nil, usagef("--config %s: given twice", key)
		}
		settings[key] = value
	}
	return settings, nil
}

// noMatch is what selecting nothing ends with.
func noMatch(what string, patterns []string) error {
	return withCode(fmt.Errorf("no %s matches %s", what, strings.Join(patterns, ", ")), exitNoMatch)
}

// number writes a count with commas, or a dash where it is unknown.
func number(n *int64) string {
	if n == nil {
		return "-"
	}
	return grouped(*n)
}

func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// bytesText writes a size in the unit that fits, as 1.5 MB.
func bytesText(n *int64) string {
	if n == nil {
		return "-"
	}
	size, unit := float64(*n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", *n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}

// ids writes broker ids as 1,2,3.
func ids(list []int32) string {
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, ",")
}

// plural writes "1 record" or "1,234 records".
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// newTopicSettingsTopic is shown by "help topic-settings".
func newTopicSettingsTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Topic settings of Kafka 4.3, for -c key=value of create-topic, alter-topic and apply:\n\n")
	width := 0
	for _, name := range topics.SettingNames() {
		width = max(width, len(name))
	}
	for _, s := range topics.Settings() {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, s.Name, s.Want())
	}
	b.WriteString("\nSettings of older brokers and of other makers' (confluent.*, redpanda.* ...) are left to the broker.")
	return &cobra.Command{Use: "topic-settings", Short: "Settings of a topic and what they take", Long: b.String()}
}
