package registry

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// client opens a client that waits for nothing between two tries.
func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// refused is the address of a port on which nothing listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		failures []int // statuses before the answer; 0 hangs up
		want     int   // requests
		ok       bool
	}{
		{"at once", nil, 1, true},
		{"after 503 and 500", []int{503, 500}, 3, true},
		{"after hanging up", []int{0}, 2, true},
		{"after 429", []int{429}, 2, true},
		{"too many", []int{503, 503, 503, 503}, 4, false},
		{"not what will not change", []int{422}, 1, false},
		{"not what it cannot do", []int{501}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				i := int(n.Add(1)) - 1
				body, _ := io.ReadAll(r.Body)
				switch {
				case string(body) != `{"schema":"{}","schemaType":"JSON"}`:
					t.Errorf("request %d has body %s", i, body)
				case i >= len(c.failures):
					fmt.Fprint(w, `{"id":7}`)
				case c.failures[i] == 0:
					conn, _, err := w.(http.Hijacker).Hijack()
					if err == nil {
						_ = conn.Close()
					}
				default:
					w.WriteHeader(c.failures[i])
				}
			})
			id, err := client(t, Config{URLs: []string{url}}).Register(t.Context(), "s", Schema{Type: "JSON", Text: "{}"})
			if (err == nil) != c.ok || c.ok && id != 7 || int(n.Load()) != c.want {
				t.Errorf("id %d, %v after %d requests; want %d, success %v", id, err, n.Load(), c.want, c.ok)
			}
		})
	}
}

func TestSeveralAddresses(t *testing.T) {
	t.Parallel()
	var good atomic.Int64
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) { good.Add(1); fmt.Fprint(w, `["a"]`) })
	c := client(t, Config{URLs: []string{refused(t), up}, Retries: 1})
	for range 3 {
		if got, err := c.Subjects(t.Context(), false); err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if c.first.Load() != 1 || good.Load() != 3 {
		t.Errorf("address %d is tried first after %d answers of the second; want 1, 3", c.first.Load(), good.Load())
	}
	_, err := client(t, Config{URLs: []string{refused(t), refused(t)}}).Subjects(t.Context(), false)
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody there: %v, want ErrUnreachable", err)
	}
}

// TestDeleteAgain loses the answer to a deletion.
func TestDeleteAgain(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40404,"message":"soft deleted"}`)
	})
	c := client(t, Config{URLs: []string{url}})
	if _, err := c.DeleteSubject(t.Context(), "s", false); err != nil {
		t.Errorf("a deletion that was done at the first try: %v", err)
	}
	if _, err := c.DeleteSubject(t.Context(), "s", false); !errors.Is(err, ErrSoftDeleted) {
		t.Errorf("a deletion of what was deleted before: %v, want ErrSoftDeleted", err)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	began := time.Now()
	_, err := client(t, Config{URLs: []string{url}, Timeout: 50 * time.Millisecond, Retries: -1}).Subjects(t.Context(), false)
	if !errors.Is(err, ErrUnreachable) || time.Since(began) > 10*time.Second {
		t.Errorf("a silent registry: %v after %v, want ErrUnreachable soon", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = client(t, Config{URLs: []string{url}}).Subjects(ctx, false)
	if !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
		t.Errorf("interrupted: %v after %v, want context.Canceled soon", err, time.Since(began))
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, maxAnswer+1))
		}, "larger than"},
		"no json":       {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "not what the API says"},
		"another shape": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a":1}`) }, "not what the API says"},
		"elsewhere": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusFound)
		}, "redirected"},
		"long error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error_code":1,"message":%q}`, strings.Repeat("é", 1<<20))
		}, "(code 1)"},
	} {
		_, err := client(t, Config{URLs: []string{serve(t, c.answer)}}).Subjects(t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2*maxMessage {
			t.Errorf("%s: %.200v, want %q", name, err, c.want)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	var got atomic.Value
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error_code":401,"message":"who are you"}`)
	})
	dir := t.TempDir()
	file := func(name, body string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(body), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	basic, token := file("basic", "user:s3cret\n", 0o600), file("token", "t0ken\n", 0o644)
	for name, c := range map[string]struct {
		urls string
		env  map[string]string
		want string
	}{
		"file":               {"", map[string]string{EnvURL: url, EnvBasicAuthFile: basic}, "Basic dXNlcjpzM2NyZXQ="},
		"environment":        {"", map[string]string{EnvURL: url, EnvBasicAuth: "user:s3cret"}, "Basic dXNlcjpzM2NyZXQ="},
		"token":              {url, map[string]string{EnvTokenFile: token}, "Bearer t0ken"},
		"of another address": {url, map[string]string{EnvURL: "http://other:1", EnvBasicAuth: "user:s3cret"}, ""},
	} {
		var warned []string
		cfg, err := FromEnvironment(c.urls, func(k string) string { return c.env[k] }, func(w string) { warned = append(warned, w) })
		if err != nil {
			t.Fatal(err)
		}
		_, err = client(t, cfg).Subjects(t.Context(), false)
		if !errors.Is(err, ErrUnauthorized) || got.Load() != c.want {
			t.Errorf("%s: sent %q, %v; want %q", name, got.Load(), err, c.want)
		}
		if (len(warned) > 0) != (name == "token") {
			t.Errorf("%s: warnings %q", name, warned)
		}
	}
	for name, cfg := range map[string]Config{
		"url":       {URLs: []string{"http://user:s3cret@h:1"}},
		"bare url":  {URLs: []string{"user:s3cret@h:1"}},
		"no url":    {URLs: []string{"http://h:1/%zz?s3cret"}},
		"query":     {URLs: []string{"http://h:1/?token=s3cret"}},
		"scheme":    {URLs: []string{"ftp://h/s3cret"}},
		"no colon":  {URLs: []string{url}, BasicAuth: "s3cret"},
		"two":       {URLs: []string{url}, BasicAuth: "a:s3cret", BearerToken: "s3cret"},
		"two lines": {URLs: []string{url}, BearerToken: "s3cret\r\nX: y"},
		"bad ca":    {URLs: []string{url}, CA: []byte("s3cret")},
		"bad cert":  {URLs: []string{url}, ClientCert: []byte("s3cret"), ClientKey: []byte("s3cret")},
		"no key":    {URLs: []string{url}, ClientCert: []byte("s3cret")},
		"none":      {},
	} {
		if _, err := Open(cfg); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v; want an error without the secret", name, err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) }))
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if _, err := client(t, Config{URLs: []string{s.URL}, CA: ca}).Subjects(t.Context(), false); err != nil {
		t.Errorf("with its CA: %v", err)
	}
	if _, err := client(t, Config{URLs: []string{s.URL}, Retries: -1}).Subjects(t.Context(), false); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its CA: %v, want an error about the certificate", err)
	}
}

func FuzzError(f *testing.F) {
	f.Add(404, []byte(`{"error_code":40401,"message":"x"}`))
	f.Add(500, []byte(`{"title":"x","status":500}`))
	f.Add(409, []byte("\xff<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if e := readError(status, "GET /", body); e.Message == "" || len(e.Message) > maxMessage+3 {
			t.Errorf("message of %d bytes", len(e.Message))
		}
	})
}
