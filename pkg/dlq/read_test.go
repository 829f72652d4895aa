package dlq

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestParseOffsets(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"7": "7", "10-20": "10-20", "100-": "100-", "1, 3-4": "1,3-4"} {
		list, err := ParseOffsets(in)
		var got []string
		for _, r := range list {
			got = append(got, r.String())
		}
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-", "-3", "4-3", "a", "1-b", "1--2", "+1", "99999999999999999999"} {
		if list, err := ParseOffsets(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, %v", in, list, err)
		}
	}
}

func TestNormalisedSelectionHasNoValues(t *testing.T) {
	t.Parallel()
	s := Selection{
		Partitions: []int32{3, 0}, Offsets: []OffsetRange{{1, 4}}, Since: time.Unix(1795406037, 0), Keys: []string{"secret-key"},
		Headers: []string{"tenant-id=secret-tenant", "b"}, Classes: []string{"TypeError"}, Failures: []string{"a91f"}, Groups: []string{"g"},
		JQ: `.email == "secret@example.org"`, Limit: 5,
	}
	got := s.Normalised()
	if strings.Contains(got, "secret") {
		t.Errorf("a value is in it: %s", got)
	}
	for _, word := range []string{"partition=0,3", "offset=1-4", "since=2026-11-23T03:53:57Z", "header=b,tenant-id:sha256-", "error-class=TypeError", "failure=a91f", "group=g", "jq-select=sha256-", "limit=5"} {
		if !strings.Contains(got, word) {
			t.Errorf("%s is not in %s", word, got)
		}
	}
	other := s
	other.JQ += " "
	if other.Normalised() == got {
		t.Error("two programs read the same")
	}
	if (&Selection{}).Normalised() != "" {
		t.Error("an empty selection says something")
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	rec := kafka.Record{
		Topic: "orders.dlq", Partition: 3, Offset: 12, Timestamp: time.UnixMilli(1795406037334), Key: []byte("tenant/7"),
		Value: []byte(`{"amount":9007199254740993,"items":[]}`),
		Headers: letters.Letter{
			Origin: letters.Origin{Topic: "orders", Partition: 3, Offset: 1}, Group: "billing", Class: "com.acme.CardException", Cause: "java.io.IOException", Message: "x 5",
		}.Append([]kafka.Header{{Name: "tenant-id", Value: []byte("t1")}, {Name: "null"}}, letters.AppendOptions{}),
	}
	l := letters.Read(rec)
	id := l.Fingerprint()
	at := rec.Timestamp
	for name, tc := range map[string]struct {
		s    Selection
		want bool
	}{
		"nothing":        {Selection{}, true},
		"partition":      {Selection{Partitions: []int32{1, 3}}, true},
		"no partition":   {Selection{Partitions: []int32{1}}, false},
		"offset":         {Selection{Offsets: []OffsetRange{{0, 3}, {12, 12}}}, true},
		"no offset":      {Selection{Offsets: []OffsetRange{{0, 11}}}, false},
		"since is in":    {Selection{Since: at}, true},
		"until is out":   {Selection{Until: at}, false},
		"until after":    {Selection{Until: at.Add(time.Millisecond)}, true},
		"key":            {Selection{Keys: []string{"tenant/7"}}, true},
		"key glob":       {Selection{Keys: []string{"ten*7"}}, true},
		"no key":         {Selection{Keys: []string{"tenant"}}, false},
		"header":         {Selection{Headers: []string{"tenant-id=t?"}}, true},
		"header alone":   {Selection{Headers: []string{"null"}}, true},
		"null header":    {Selection{Headers: []string{"null=*"}}, false},
		"both headers":   {Selection{Headers: []string{"tenant-id=t1", "other"}}, false},
		"root class":     {Selection{Classes: []string{"java.io.IOException"}}, true},
		"short class":    {Selection{Classes: []string{"IOException"}}, true},
		"caught class":   {Selection{Classes: []string{"com.acme.*"}}, true},
		"no class":       {Selection{Classes: []string{"Exception"}}, false},
		"failure":        {Selection{Failures: []string{id}}, true},
		"failure prefix": {Selection{Failures: []string{id[:4]}}, true},
		"no failure":     {Selection{Failures: []string{"00000000"}}, false},
		"group":          {Selection{Groups: []string{"a", "billing"}}, true},
		"no group":       {Selection{Groups: []string{"a"}}, false},
		"jq exact":       {Selection{JQ: `.amount == 9007199254740993`}, true},
		"jq false":       {Selection{JQ: `.amount == 9007199254740992`}, false},
		"jq null":        {Selection{JQ: `.items[0]`}, false},
		"jq error":       {Selection{JQ: `error`}, false},
		"jq env":         {Selection{JQ: `$ENV.PATH or env.PATH`}, false},
		"all of them":    {Selection{Groups: []string{"billing"}, JQ: `.amount`, Partitions: []int32{1}}, false},
	} {
		m, err := tc.s.Matcher()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := m.Match(t.Context(), &rec, &l); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, s := range map[string]Selection{
		"limit": {Limit: -1}, "times": {Since: at, Until: at}, "failure": {Failures: []string{"a9"}}, "failure letters": {Failures: []string{"zzzz"}},
		"key": {Keys: []string{"["}}, "header": {Headers: []string{"=x"}}, "jq": {JQ: "." + "["}, "jq module": {JQ: `import "a" as a; .`},
	} {
		if err := s.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A program that does not end must not hold up the scan.
func TestEndlessJQEnds(t *testing.T) {
	t.Parallel()
	s := Selection{JQ: `def f: f; f`}
	m, err := s.Matcher()
	if err != nil {
		t.Fatal(err)
	}
	l := Letter{}
	if m.Match(t.Context(), &kafka.Record{Value: []byte(`1`)}, &l) {
		t.Error("it matched")
	}
}
