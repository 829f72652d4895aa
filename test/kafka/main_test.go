// Package kafka_test holds the product and the harness against real Apache
// Kafka.
package kafka_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func TestMain(m *testing.M) { realkafka.Main(m) }
