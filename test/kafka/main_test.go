// Package kafka_test holds the product and the harness against real Apache
// Kafka.
package kafka_test

import (
	"os"
	"testing"

	"github.com/multi-tenant/manage-kafka/cmd"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func TestMain(m *testing.M) {
	if product.Asked() {
		os.Exit(cmd.Main())
	}
	realkafka.Main(m)
}
