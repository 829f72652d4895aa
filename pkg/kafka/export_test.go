package kafka

import (
	"context"
	"testing"
)

// TokenSourceForTest gives tests the source of bearer tokens without a broker.
func TokenSourceForTest(t *testing.T, props map[string]string) func(context.Context) (string, error) {
	t.Helper()
	source, err := newTokenSource(props, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return source.get
}

// CallersForTest counts the calls that wait on the Client's first connection.
func CallersForTest(c *Client) int {
	l := c.link(c.bootstrap[0], forAsking)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.callers
}
