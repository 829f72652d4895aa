// Command notification-service is a consumer on the event bus: it writes to
// tenants when something happens to them. KAFKA_BROKERS names the cluster.
package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
)

func main() {
	service, err := newService(context.Background(), app.Options{
		Bus: eventbus.Options{
			Brokers: strings.Split(os.Getenv("KAFKA_BROKERS"), ","), AppVersion: "1.0.0", Logger: slog.Default(),
		},
	}, logMailer{})
	if err == nil {
		err = service.Run(context.Background()) // until SIGTERM
	}
	if err != nil {
		slog.Error("notification-service", "err", err)
		os.Exit(1)
	}
}

// newService subscribes to what the service has to know of.
func newService(ctx context.Context, o app.Options, mail Mailer) (*app.App, error) {
	a, err := app.Connect(ctx, "notification-service", o)
	if err != nil {
		return nil, err
	}
	n := &Notifications{mail: mail, bus: a.Bus()}

	router := &eventbus.Router{}
	router.On("tenant.created", n.TenantCreated)
	router.On("tenant.suspended", n.TenantSuspended)
	a.Subscribe("tenant.events", router.Handle, eventbus.Subscription{
		Group: "notification-service-tenant-consumer",
	})
	a.ConsumeDLQ("tenant.events", n.DeadLetter, eventbus.Subscription{FromBeginning: true})
	return a, nil
}
