package events

import (
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/topicname"
)

// A Type is one kind of event: where it goes and by which key.
type Type struct {
	// Name is "<domain>.<what happened>", such as tenant.created.
	Name string `json:"type"`
	// Topic is where its events go.
	Topic string `json:"topic"`
	// Key says where the record key is found, see KeyRule.
	Key KeyRule `json:"key"`
	// Version is the newest version that the catalogue has, "MAJOR.MINOR".
	Version string `json:"version"`
	// Summary is one sentence for people.
	Summary string `json:"summary"`
	// BuiltIn is false for a type of the user's own.
	BuiltIn bool `json:"built_in"`
}

// Domain is the part of the name before the first dot.
func (t Type) Domain() string {
	domain, _, _ := strings.Cut(t.Name, ".")
	return domain
}

// DeadLetterSuffix ends the name of the topic that a topic's dead letters go to.
const DeadLetterSuffix = ".dlq"

// TopicOf is the topic of a type by its domain: tenant.created goes to
// tenant.events.
func TopicOf(name string) string {
	domain, _, _ := strings.Cut(name, ".")
	return domain + ".events"
}

// DeadLetterTopic is where the dead letters of topic go.
func DeadLetterTopic(topic string) string { return topic + DeadLetterSuffix }

// Types lists the built-in types by domain, in the order of the contract.
func Types() []Type {
	rows := registry()
	types := make([]Type, len(rows))
	for i, row := range rows {
		newest := row.versions[len(row.versions)-1]
		types[i] = Type{row.name, TopicOf(row.name), builtinKey(row.name), newest, row.summary, true}
	}
	return types
}

// checkTypeName refuses names that could not be told from a file, a flag or a
// pattern, or that have no domain.
func checkTypeName(name string) error {
	if len(name) > maxID {
		return fmt.Errorf("event type %s: longer than %d characters", quote(name), maxID)
	}
	parts := strings.Split(name, ".")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || p[0] < 'a' || p[0] > 'z' {
			return fmt.Errorf("event type %s: must be lower-case words joined by dots, such as order.created", quote(name))
		}
	}
	if len(parts) < 2 {
		return fmt.Errorf("event type %s: must begin with its domain, such as order.created", quote(name))
	}
	return nil
}

// checkTopic holds a topic name against Kafka's own rule.
func checkTopic(topic string) error {
	if !topicname.Valid(topic) {
		return fmt.Errorf("topic %s: must be 1 to %d of a-z A-Z 0-9 . _ -", quote(topic), topicname.MaxLength)
	}
	return nil
}
