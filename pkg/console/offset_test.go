package console_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
)

func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-23T09:12:01.123Z":  "2026-11-23T09:12:01.123Z",
		"2026-11-23T09:12:01+01:00": "2026-11-23T08:12:01Z",
		"2026-11-23T09:12:01":       "2026-11-23T09:12:01Z",
		"2026-11-23 09:12:01":       "2026-11-23T09:12:01Z",
		"2026-11-23T09:12":          "2026-11-23T09:12:00Z",
		"2026-11-23T09:12+02:00":    "2026-11-23T07:12:00Z",
		"2026-11-23":                "2026-11-23T00:00:00Z",
		"1795424400":                "2026-11-23T09:00:00Z",
		"1795424400123":             "2026-11-23T09:00:00.123Z",
		"90s":                       "2026-11-23T11:58:30Z",
		"-1h30m":                    "2026-11-23T10:30:00Z",
		"7d":                        "2026-11-16T12:00:00Z",
		"-2w1d12h":                  "2026-11-08T00:00:00Z",
		"1969-12-31T23:59:59.999Z":  "1970-01-01T00:00:00Z",
		"0001-01-01":                "1970-01-01T00:00:00Z",
		"30000d":                    "1970-01-01T00:00:00Z",
	} {
		if got, err := console.ParseTime(text, now()); err != nil || !got.Equal(at(want)) {
			t.Errorf("ParseTime(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "now", "2026", "2026-13-01", "2026-02-30", "179542440", "1h+2m", "--1h", "-1", "1x", "d", "1.5d", "+1h", "99999999999h", "0s1"} {
		if got, err := console.ParseTime(text, now()); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", text, got)
		} else if !strings.Contains(err.Error(), "RFC 3339") {
			t.Errorf("ParseTime(%q): %v names no form", text, err)
		}
	}
	// Weeks that would overflow a duration and come out as a few years.
	if got, err := console.ParseTime("65535w", now()); err == nil {
		t.Errorf("ParseTime(65535w) = %v", got)
	}
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	start, end := console.Edge{Anchor: console.FromStart}, console.Edge{Anchor: console.FromEnd}
	edge := func(a console.Anchor, n int64) console.Edge { return console.Edge{Anchor: a, N: n} }
	when := func(text string) console.Edge { return console.Edge{Anchor: console.AtTime, Time: at(text)} }
	for text, want := range map[string]console.Range{
		"start":                                 {From: start},
		"end":                                   {From: end},
		"earliest":                              {From: start},
		"0":                                     {From: edge(console.At, 0)},
		"35":                                    {From: edge(console.At, 35)},
		"+5":                                    {From: edge(console.FromStart, 5)},
		"-5":                                    {From: edge(console.FromEnd, 5)},
		"5:10":                                  {From: edge(console.At, 5), To: edge(console.At, 10)},
		"5:5":                                   {From: edge(console.At, 5), To: edge(console.At, 5)},
		":end":                                  {From: start, To: end},
		":10":                                   {From: start, To: edge(console.At, 10)},
		"10:":                                   {From: edge(console.At, 10)},
		"-10:end":                               {From: edge(console.FromEnd, 10), To: end},
		"start:-1":                              {From: start, To: edge(console.FromEnd, 1)},
		"@-1h:end":                              {From: when("2026-11-23T11:00:00Z"), To: end},
		"@1h":                                   {From: when("2026-11-23T11:00:00Z")},
		"@-2h:-1h":                              {From: when("2026-11-23T10:00:00Z"), To: when("2026-11-23T11:00:00Z")},
		"@-2h:@-1h":                             {From: when("2026-11-23T10:00:00Z"), To: when("2026-11-23T11:00:00Z")},
		"@:-1h":                                 {From: start, To: when("2026-11-23T11:00:00Z")},
		"@2026-11-23:":                          {From: when("2026-11-23T00:00:00Z")},
		"@1795424400":                           {From: when("2026-11-23T09:00:00Z")},
		"@2026-11-22:1795424400123":             {From: when("2026-11-22T00:00:00Z"), To: when("2026-11-23T09:00:00.123Z")},
		"@2026-11-23T09:00:00Z":                 {From: when("2026-11-23T09:00:00Z")},
		"@2026-11-23T09:10:2026-11-23T09:20:30": {From: when("2026-11-23T09:10:00Z"), To: when("2026-11-23T09:20:30Z")},
		"@2026-11-23T09:00:00+01:00:2026-11-23T09:00:00.5Z": {From: when("2026-11-23T08:00:00Z"), To: when("2026-11-23T09:00:00.5Z")},
	} {
		if got, err := console.ParseRange(text, now()); err != nil || got != want {
			t.Errorf("ParseRange(%q) = %+v, %v\nwant %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":", "x", "1:x", "--1", "+-1", "1_000", "9999999999999999999", "10:5", "5:@1h", "@", "@x", "@1h:x", "@1h:5h", "1:2:3", "@1h:2h:3h", "0x10", " 1"} {
		if got, err := console.ParseRange(text, now()); err == nil {
			t.Errorf("ParseRange(%q) = %+v, want an error", text, got)
		}
	}
}

func TestParsePartitions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int32{
		"0": {0}, "0,2-4": {0, 2, 3, 4}, "3,1,3": {3, 1}, "1-1": {1}, " 1, 2": {1, 2},
	} {
		if got, err := console.ParsePartitions(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParsePartitions(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ",", "a", "4-2", "-1", "1-", "2147483648", "0-2147483647", "1 2", "+1"} {
		if got, err := console.ParsePartitions(text); err == nil {
			t.Errorf("ParsePartitions(%q) = %v, want an error", text, got)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"start", ":end", "@-1h:end", "-5", "5:10", "@2026-11-23T09:00:00Z:-1m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := console.ParseRange(text, now())
		if err != nil {
			return
		}
		if r.From.Anchor == console.Unset || r.From.N < 0 || r.To.N < 0 {
			t.Fatalf("ParseRange(%q) = %+v", text, r)
		}
		if (r.From.Anchor == console.AtTime) == r.From.Time.IsZero() || r.To.Anchor == console.AtTime && r.To.Time.IsZero() {
			t.Fatalf("ParseRange(%q) = %+v: anchor and time disagree", text, r)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"1h", "7d", "2026-11-23", "1795424400123", "2026-11-23T09:00:00+01:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := console.ParseTime(text, now())
		if err == nil && got.Location() != time.UTC {
			t.Fatalf("ParseTime(%q) = %v is not UTC", text, got)
		}
	})
}
