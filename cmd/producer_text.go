package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// explainUnknownTopic adds the names that may have been meant, and how to
// make the topic.
func explainUnknownTopic(ctx context.Context, c *kafka.Client, name string, err error) error {
	create := "make it with: manage-kafka create-topic " + name
	meta, metaErr := c.Metadata(ctx, nil)
	if metaErr != nil {
		return withHint(err, "%s", create)
	}
	names := make([]string, len(meta.Topics))
	for i, t := range meta.Topics {
		names[i] = t.Name
	}
	if near := spelling.Nearest(name, names); len(near) > 0 {
		return withHint(err, "did you mean %s? or %s", strings.Join(near, " or "), create)
	}
	return withHint(err, "%s", create)
}

// newTemplatesTopic is shown by "help templates".
func newTemplatesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "templates",
		Short: "Functions of a producer's template",
		Long: `A template is text in which {{…}} stands for a value, in the form of Go's text/template. Each run of it is one
record, read as --format says; a newline at its end is not part of it. The same text and --seed make the same
records, but for the clock.

  {{seq}}              1, 2, 3 ...
  {{int 1 6}}          a whole number, both ends possible
  {{float 0 1}}        a fraction
  {{bool}}             true or false
  {{pick "a" "b"}}     one of the arguments
  {{letters 8}}        lower case letters
  {{hex 4}} {{base64 4}}  random bytes as text
  {{uuid}}             a random UUID
  {{now}} {{nowMillis}}   the clock, as RFC 3339 or in milliseconds
  {{json "a"b"}}      any value as JSON, as in {{pick "a" "b" | json}}`,
		Example: `  {"key":"{{pick "a" "b"}}","value":{"n":{{seq}},"id":"{{uuid}}"}}`,
	}
}

// byteSize writes a number of bytes in decimal units, to three digits.
func byteSize(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB"} {
		v /= 1000
		switch {
		case v < 9.995:
			return fmt.Sprintf("%.2f %s", v, unit)
		case v < 99.95:
			return fmt.Sprintf("%.1f %s", v, unit)
		case v < 999.5:
			return fmt.Sprintf("%.0f %s", v, unit)
		}
	}
	return fmt.Sprintf("%.0f EB", v/1000)
}

// shortSeconds writes a duration for a person.
func shortSeconds(s float64) string {
	switch {
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 99.95:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%d m %02d s", int(s+0.5)/60, int(s+0.5)%60)
}
