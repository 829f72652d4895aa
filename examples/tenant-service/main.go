// Command tenant-service is a producer on the event bus: it creates tenants and
// tells the other services. KAFKA_BROKERS names the cluster.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Split(os.Getenv("KAFKA_BROKERS"), ",")); err != nil {
		slog.Error("tenant-service", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, brokers []string) error {
	bus, err := eventbus.Connect(ctx, "tenant-service", eventbus.Options{
		Brokers: brokers, AppVersion: "1.0.0", Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			slog.Warn("closing the bus", "err", err)
		}
	}()
	service := &TenantService{bus: bus}
	return service.Create(ctx, Tenant{
		ID: "tenant-id-1", Name: "Acme Corporation", Schema: "acme", PackageID: "package-id-1",
		BillingEmail: "billing@acme.com", Modules: []string{"crm", "hrm"},
	})
}
