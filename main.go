// Command manage-kafka runs and works with a Kafka message broker system.
package main

import (
	"os"

	"github.com/multi-tenant/manage-kafka/cmd"
)

func main() {
	os.Exit(cmd.Main())
}
