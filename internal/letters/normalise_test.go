package letters

import (
	"strings"
	"testing"
	"time"
)

// Whoever writes a message must not decide how long reading it takes.
func TestNormaliseIsLinear(t *testing.T) {
	t.Parallel()
	best := func(s string) time.Duration {
		s = strings.Repeat(s, maxNormalIn/len(s))
		least := time.Hour
		for range 5 {
			start := time.Now()
			for range 20 {
				Normalise(s)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	words := best("order x not found ")
	for _, s := range []string{"/a", "a.", ":", "@a", "a@", "1-", "a-", "Mon ", "=\"", "::", "1.", "0x", "a/", "1,", "<n>, ", "a:", "a b@c", "http://", "12:00:00 "} {
		got := best(s)
		if got > 200*words {
			t.Errorf("%q takes %s, plain words %s", s, got, words)
		}
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                         "",
		"connection refused":                       "connection refused",
		"order 4711 not found":                     "order <n> not found",
		"order 00c0ffee not found":                 "order <n> not found",
		"order abcdefab not found":                 "order <n> not found",
		"a decade of facades":                      "a decade of facades",
		"-5 and +3.25e-7 of 1,234,567":             "<n> and <n> of <n>",
		"user8842, tenant-12, t_9":                 "user<n>, tenant-<n>, t_<n>",
		"id 123e4567-e89b-12d3-a456-426614174000.": "id <n>.",
		"trace 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "trace <n>",
		"mail bob.o'x@example.org":                                      "mail bob.o'<email>",
		"mail bob.ox+1@mail.acme.com, bounced":                          "mail <email>, bounced",
		"GET https://api.acme.com/v1/x?id=8&b=c: 503":                   "GET <url>: <n>",
		"dial tcp db-3.prod.svc.cluster.local:5432":                     "dial tcp <host>:<n>",
		"from 10.0.0.17:51234 to [fe80::1]:9092":                        "from <ip>:<n> to [<ip>]:<n>",
		"::1 refused":                                                   "<ip> refused",
		"at 2026-11-23T09:12:01.123Z":                                   "at <time>",
		"at 2026-11-23 09:12:01,5 UTC":                                  "at <time>",
		"at Mon, 23 Nov 2026 09:12:01 GMT":                              "at <time>",
		"Mon Nov  3 09:12:01":                                           "<time>",
		"took 950ms, then 1m30.5s":                                      "took <duration>, then <duration>",
		"took 1.5s":                                                     "took <duration>",
		"java.lang.Object@1b6d3586":                                     "java.lang.Object@<n>",
		"orders-3@1204 is bad":                                          "orders-<n>@<n> is bad",
		"goroutine 17 [running]: main.go:120 +0x1f":                     "goroutine <n> [running]: main.go:<n> <n>",
		"open /var/data/tenant-8/a17/file.json: denied":                 "open /var/data/<n>/<n>/file.json: denied",
		`open C:\data\x17\y.txt`:                                        `open C:\data\<n>\y.txt`,
		`name="bob smith" ok=true "kept"`:                               `name=<text> ok=<bool> "kept"`,
		"in [1, 2, 3] and [7]":                                          "in [<n>] and [<n>]",
		"version 1.2.3":                                                 "version <n>",
		"a  b\n\tc":                                                     "a b c",
		"and/or 3/4":                                                    "and/or <n>/<n>",
		"01JC8ZK3VQ0000000000000000":                                    "<n>",
		"grün 7":                                                        "grün <n>",
		"com.acme.orders.Handler failed":                                "com.acme.orders.Handler failed",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}
