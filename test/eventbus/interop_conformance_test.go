package eventbus_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/eventbustest"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func TestConformance(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	eventbustest.Conformance(t, eventbustest.Target{Options: eventbus.Options{Brokers: []string{conn.Bootstrap}, Properties: conn.Properties()}})
}
