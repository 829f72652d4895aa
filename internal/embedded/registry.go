package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded/regserver"
)

// RegistryLog begins the log lines of the schema registry, which shares the
// broker's process and log.
const RegistryLog = "schema-registry: "

// registryClose is how long requests under way may take when the stack ends.
const registryClose = 5 * time.Second

// RegistryDir is where schemas lie below a project's directory.
func RegistryDir(dir string) string { return filepath.Join(DataDir(dir), "schema-registry") }

// RegistryURL is the address of the schema registry, empty without one.
func (c Config) RegistryURL() string {
	if c.RegistryPort == 0 {
		return ""
	}
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(c.RegistryPort))
}

// registry is the schema registry of a project while it is served.
type registry struct {
	server *regserver.Server
	http   *http.Server
	ended  chan struct{}
	err    error // why it ended by itself; read after ended
}

// openRegistry serves the schema registry on loopback, whatever host the broker
// advertises: it knows no users. The caller holds the data lock. Nil without a
// port.
func openRegistry(ctx context.Context, cfg Config, n *notices) (*registry, error) {
	if cfg.RegistryPort == 0 {
		return nil, nil
	}
	began := time.Now()
	logf := func(level, format string, args ...any) {
		n.logf(level, "%s", RegistryLog+fmt.Sprintf(format, args...))
	}
	server, err := regserver.Open(RegistryDir(cfg.Dir), logf)
	if errors.Is(err, regserver.ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s%w", RegistryLog, err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.RegistryPort)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s%w", RegistryLog, err), server.Close())
	}
	r := &registry{server: server, ended: make(chan struct{}), http: &http.Server{
		Handler: server.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}}
	go func() {
		defer close(r.ended)
		if err := r.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.err = fmt.Errorf("%s%w", RegistryLog, err)
		}
	}()
	logf("INFO", "ready on %s after %d ms", cfg.RegistryURL(), time.Since(began).Milliseconds())
	return r, nil
}

// watch ends a context, with the reason, when the registry ends by itself.
func (r *registry) watch(ctx context.Context, end context.CancelCauseFunc) {
	if r == nil {
		return
	}
	select {
	case <-r.ended:
		end(r.err)
	case <-ctx.Done():
	}
}

// close answers what is under way, then ends.
func (r *registry) close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registryClose)
	defer cancel()
	err := r.http.Shutdown(ctx)
	if err != nil {
		err = r.http.Close() // somebody was too slow
	}
	<-r.ended
	return errors.Join(err, r.server.Close())
}
