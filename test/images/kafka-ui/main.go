// The stub that stands in for Kafka UI in container tests. It answers the two
// requests the tests make, the page and the health check, and says on both that
// it is no Kafka UI. Everything else is 404, so that no test can lean on a page
// that only the real one has.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := serve(ctx, ":8080"); err != nil {
		log.Fatalln("kafka-ui stub:", err)
	}
}

// serve answers on addr until ctx ends.
func serve(ctx context.Context, addr string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /actuator/health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.spring-boot.actuator.v3+json")
		fmt.Fprintln(w, `{"status":"UP","stub":true}`)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<title>Kafka UI stub</title><p>A stub for container tests, not Kafka UI. Cluster %q at %q, registry %q.</p>\n",
			os.Getenv("KAFKA_CLUSTERS_0_NAME"), os.Getenv("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"), os.Getenv("KAFKA_CLUSTERS_0_SCHEMAREGISTRY"))
	})
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	unhook := context.AfterFunc(ctx, func() { server.Close() })
	defer unhook()
	log.Println("kafka-ui stub: listening on", addr, "(this is not Kafka UI)")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
