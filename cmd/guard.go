package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// guardBefore refuses a change that is known to be forbidden before anything
// is connected to.
func (a *app) guardBefore() error {
	rules, _ := a.target.files.Rules(a.target.config.Bootstrap, a.target.config.ClusterID)
	return a.refuseReadOnly(rules)
}

func (a *app) refuseReadOnly(rules settings.Context) error {
	if rules.Access != settings.AccessReadOnly {
		return nil
	}
	why := "its access is set in %s"
	if rules.Name != a.target.context {
		why = "it has this cluster's address or id; " + why
	}
	return withHint(withCode(fmt.Errorf("context %s is read-only: nothing was changed", rules.Name), exitNotPermitted), why, rules.File.Path)
}

// guardChange holds the rules that protect a cluster from a change. They are
// those of every context that stands for this cluster, by address or id,
// whether or not it was named. It says what is going to be changed.
func (a *app) guardChange(ctx context.Context, c *kafka.Client) error {
	rules, mask := a.target.files.Rules(c.Bootstrap(), c.ClusterID())
	a.target.mask = append(a.target.mask, mask...)
	name := a.target.context
	if name == "" {
		name = rules.Name
	}
	a.print.status("%s", describeTarget(name, rules, c))
	if err := a.refuseReadOnly(rules); err != nil || rules.Access != settings.AccessConfirm {
		return err
	}
	switch {
	case a.flags.confirm == rules.Name:
		return nil
	case a.flags.confirm != "":
		return usagef("--confirm %s: the context to change is %s", a.flags.confirm, rules.Name)
	case a.flags.yes || !isTerminal(a.in) || !isTerminal(a.errOut):
		return withHint(usagef("context %s wants every change confirmed by its name; nothing was changed", rules.Name),
			"repeat it with --yes --confirm %s", rules.Name)
	}
	return a.askForName(ctx, rules.Name)
}

func describeTarget(name string, rules settings.Context, c *kafka.Client) string {
	var b strings.Builder
	if name != "" {
		fmt.Fprintf(&b, "context %s", name)
		if rules.Name == name && rules.Environment != "" {
			fmt.Fprintf(&b, " (%s)", rules.Environment)
		}
		b.WriteString(", ")
	}
	id := c.ClusterID()
	if id == "" {
		id = "without id"
	}
	fmt.Fprintf(&b, "cluster %s at %s", id, strings.Join(c.Bootstrap(), ","))
	return b.String()
}

// askForName has the context's name typed in full.
func (a *app) askForName(ctx context.Context, name string) error {
	fmt.Fprintf(a.errOut, "type the context's name to change it (%s): ", terminal.Escape(name))
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal cannot be ended; it ends with the process.
	go func() {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case got := <-answers:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return got.err
		}
		if strings.TrimSpace(got.line) != name {
			return errDeclined
		}
		return nil
	}
}
