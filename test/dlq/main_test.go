// Package dlq_test holds dead-letter replay, and the transactions below it,
// against real Apache Kafka.
package dlq_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func TestMain(m *testing.M) { realkafka.Main(m) }
