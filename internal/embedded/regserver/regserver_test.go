package regserver_test

import (
	"net/http/httptest"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/embedded/regserver"
	"github.com/multi-tenant/manage-kafka/internal/registry/registrytest"
)

// serve opens the registry in dir until the returned function is called.
func serve(t *testing.T, dir string) (url string, end func()) {
	t.Helper()
	s, err := regserver.Open(dir, logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	return h.URL, end
}

func logTo(t *testing.T) func(level, format string, args ...any) {
	return func(level, format string, args ...any) { t.Logf(level+" "+format, args...) }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/apis/ccompat/v7"} {
		t.Run("at "+path, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			url, end := serve(t, dir)
			registrytest.Run(t, registrytest.Target{URL: url + path, Restart: func(*testing.T) string {
				end()
				url, _ := serve(t, dir)
				return url + path
			}})
		})
	}
}
