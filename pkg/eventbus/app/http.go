package app

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

// server is the HTTP endpoints; nil serves nothing.
type server struct {
	http *http.Server
	done sync.WaitGroup
}

// serve listens where the options say. failed is told when serving ends by itself.
func (a *App) serve(failed func(error)) (*server, error) {
	if a.opts.Addr == "off" {
		return nil, nil //nolint:nilnil // no endpoints is a choice
	}
	listener, err := net.Listen("tcp", a.opts.Addr)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.addr = listener.Addr().String()
	a.mu.Unlock()
	s := &server{http: &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	s.done.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed(err)
		}
	})
	return s, nil
}

// close answers what is under way, within ctx.
func (s *server) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.done.Wait()
	return err
}

// Handler is the endpoints, for a service that has an HTTP server of its own and
// turned the App's off:
//
//   - /healthz says that the process lives. It is 200 as long as it answers; an
//     orchestrator restarts a process that does not.
//   - /readyz says whether the service does its work, by [eventbus.Bus.Health]: 200
//     or 503, and the health as JSON. It is 503 while the service starts and stops.
//   - /metrics are the Prometheus metrics.
//
// Requests are refused with 403 when a web page of another origin makes them, or
// when they name a host that is none of ours: a page can make a browser resolve a
// name of its own to a loopback address.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // who asked has gone
	})
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.opts.Registry, promhttp.HandlerOpts{}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if r.Header.Get("Origin") != "" || !a.ours(r.Host) {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// ours tells the hosts that a request may name.
func (a *App) ours(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return host == "localhost" || net.ParseIP(host) != nil ||
		slices.ContainsFunc(a.opts.AllowedHosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}

func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	health := a.bus.Health(r.Context())
	if ready, why := a.ready(); !ready {
		health.Status = eventbus.StatusDown
		if health.Error == "" {
			health.Error = why
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if health.Status != eventbus.StatusUp {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(health) // who asked has gone
}
