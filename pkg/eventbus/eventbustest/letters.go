package eventbustest

import (
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// Want describes a dead letter; what is empty does not count.
type Want struct {
	EventID  string
	Key      string
	Group    string
	Class    string // of the error
	Error    string // part of its message
	Attempts int
}

// Letters reads the dead letters of a topic, which is named without .dlq.
func (b *Broker) Letters(topic string) []eventbus.Letter {
	b.t.Helper()
	var list []eventbus.Letter
	for _, r := range b.Records(events.DeadLetterTopic(topic)) {
		list = append(list, eventbus.ReadLetter(r))
	}
	return list
}

// AwaitLetters waits until the topic has n dead letters or more, and gives them.
func (b *Broker) AwaitLetters(topic string, n int) []eventbus.Letter {
	b.t.Helper()
	var list []eventbus.Letter
	Await(b.t, "dead letters of "+topic, func() bool {
		list = b.Letters(topic)
		return len(list) >= n
	})
	return list
}

// ExpectLetters waits until the topic has as many dead letters as are wanted and
// fails the test where one that is wanted is not there, or another is.
func (b *Broker) ExpectLetters(topic string, want ...Want) {
	b.t.Helper()
	left := b.AwaitLetters(topic, len(want))
	for _, w := range want {
		at := -1
		for i, l := range left {
			if w.fits(l) {
				at = i
				break
			}
		}
		if at < 0 {
			b.t.Errorf("no dead letter of %s fits %+v", topic, w)
			continue
		}
		left = append(left[:at:at], left[at+1:]...)
	}
	for _, l := range left {
		b.t.Errorf("dead letter of %s that is not expected: event %q, class %s, error %q", topic, l.Event.ID, l.Class, l.Error)
	}
}

func (w Want) fits(l eventbus.Letter) bool {
	return (w.EventID == "" || w.EventID == l.Event.ID) && (w.Key == "" || w.Key == string(l.Record.Key)) &&
		(w.Group == "" || w.Group == l.Group) && (w.Class == "" || w.Class == l.Class) &&
		strings.Contains(l.Error, w.Error) && (w.Attempts == 0 || w.Attempts == l.Attempts)
}

// ExpectNoLetters fails the test where the topic has dead letters. It does not
// wait: see [Broker.AwaitDone].
func (b *Broker) ExpectNoLetters(topic string) {
	b.t.Helper()
	for _, l := range b.Letters(topic) {
		b.t.Errorf("dead letter of %s: event %q, class %s, error %q", topic, l.Event.ID, l.Class, l.Error)
	}
}
