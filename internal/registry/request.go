package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const contentType = "application/vnd.schemaregistry.v1+json"

// call is one request. path begins with a slash, its parts escaped.
type call struct {
	method string
	path   string
	query  url.Values
	body   any // nil for none
}

func (r call) name() string { return r.method + " " + r.path }

// do sends a request, again where that can help, and reads the answer into out.
// again tells that an earlier try may have been carried out.
func (c *Client) do(ctx context.Context, r call, out any) (again bool, err error) {
	var body []byte
	if r.body != nil {
		if body, err = json.Marshal(r.body); err != nil {
			return false, err
		}
	}
	for try := 0; ; try++ {
		at := (c.first.Load() + int64(try)) % int64(len(c.urls))
		err = c.once(ctx, c.urls[at], r, body, out)
		if err == nil {
			c.first.Store(at)
			return try > 0, nil
		}
		if ctx.Err() != nil {
			return try > 0, fmt.Errorf("schema registry: %s: %w", r.name(), ctx.Err())
		}
		if !retriable(err) || try >= c.retries {
			return try > 0, err
		}
		if try+1 >= len(c.urls) { // every address was tried
			if err := c.pause(ctx, backoff(try+1-len(c.urls))); err != nil {
				return true, fmt.Errorf("schema registry: %s: %w", r.name(), err)
			}
		}
	}
}

func backoff(n int) time.Duration {
	d := min(100*time.Millisecond<<min(n, 10), maxPause)
	return d/2 + rand.N(d/2)
}

func retriable(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return answer.Status >= 500 && answer.Status != http.StatusNotImplemented || answer.Status == http.StatusTooManyRequests
	}
	return errors.Is(err, ErrUnreachable)
}

// once sends a request to one address.
func (c *Client) once(ctx context.Context, base *url.URL, r call, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	target := base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("schema registry: %s: %w", r.name(), err)
	}
	req.Header.Set("Accept", contentType+", application/json")
	req.Header.Set("User-Agent", "manage-kafka")
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	} else {
		req.Body, req.ContentLength = nil, 0
	}
	switch {
	case c.cfg.BasicAuth != "":
		user, password, _ := strings.Cut(c.cfg.BasicAuth, ":")
		req.SetBasicAuth(user, password)
	case c.cfg.BearerToken != "":
		req.Header.Set("Authorization", "Bearer "+c.cfg.BearerToken)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("schema registry %s: %w: %w", base.Host, ErrUnreachable, bare(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("schema registry %s: %s: %w: %w", base.Host, r.name(), ErrUnreachable, err)
	case len(answer) > maxAnswer:
		return fmt.Errorf("schema registry: %s: answer is larger than %d MiB", r.name(), maxAnswer>>20)
	case res.StatusCode/100 == 3:
		return fmt.Errorf("schema registry: %s: is redirected; name the address that it leads to", r.name())
	case res.StatusCode/100 != 2:
		return readError(res.StatusCode, r.name(), answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("schema registry: %s: answer is not what the API says: %w", r.name(), err)
	}
	return nil
}

// bare takes method and URL off an error of net/http, which every caller adds.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// path joins escaped parts.
func path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		// A dot alone would be taken for this directory, or the one above.
		if strings.Trim(p, ".") == "" {
			p = strings.ReplaceAll(p, ".", "%2E")
		} else {
			p = url.PathEscape(p)
		}
		b.WriteString(p)
	}
	return b.String()
}
