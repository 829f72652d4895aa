package fix_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func TestDraft(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value, name string
		old, new    string // an edit of the text
		want        string
	}{
		{`{"b":1,"a":9007199254740993}`, "letter.json", `1,`, "2,", `{"b":2,"a":9007199254740993}`},
		{`{"b": 1}`, "letter.txt", "1", "2", `{"b": 2}`},
		{"text", "letter.txt", "text", "next\n", "next"},
		{"text\n", "letter.txt", "text", "next", "next\n"},
		{"\x00\xff\x01", "letter.base64", "AP8B", "AP8C\n", "\x00\xff\x02"},
		{"", "letter.txt", "", "new\n", "new"},
	} {
		d := fix.NewDraft([]byte(tt.value))
		if d.Name() != tt.name {
			t.Errorf("%q is edited as %s, want %s", tt.value, d.Name(), tt.name)
		}
		same, err := d.Value(bytes.Clone(d.Text()))
		if err != nil || string(same) != tt.value {
			t.Errorf("%q comes back as %q: %v", tt.value, same, err)
		}
		got, err := d.Value([]byte(strings.Replace(string(d.Text()), tt.old, tt.new, 1)))
		if err != nil || string(got) != tt.want {
			t.Errorf("%q is edited to %q, want %q: %v", tt.value, got, tt.want, err)
		}
	}
	if _, err := fix.NewDraft([]byte(`{"a":1}`)).Value([]byte("{\n \"a\": 1,\n}\n")); err == nil || !strings.HasPrefix(err.Error(), "no JSON any more: line 3: ") {
		t.Errorf("%v", err)
	}
	if _, err := fix.NewDraft([]byte{0}).Value([]byte("AA=")); err == nil {
		t.Error("broken base64 passes")
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	show := func(lines []fix.Line) string {
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(string(l.Op) + l.Text + "|")
		}
		return b.String()
	}
	for _, tt := range []struct{ was, now, want string }{
		{"a\nb\n", "a\nb\n", ""},
		{"", "a", "+a|"},
		{"a", "", "-a|"},
		{"a\nb\nc", "a\nx\nc", " a|-b|+x| c|"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\nx\n6\n7\n8\n9", "@| 2| 3| 4|-5|+x| 6| 7| 8|@|"},
		{"a\nb\nc\nd", "b\nc\nd\ne", "-a| b| c| d|+e|"},
	} {
		if got := show(fix.Diff([]byte(tt.was), []byte(tt.now))); got != tt.want {
			t.Errorf("%q to %q: %s, want %s", tt.was, tt.now, got, tt.want)
		}
	}
	big := strings.Repeat("line\n", 5000)
	if n := len(fix.Diff([]byte("a\n"+big+"b\n"), []byte("c\n"+strings.Repeat("other\n", 5000)+"d\n"))); n != 10004 {
		t.Errorf("%d lines of two large texts", n)
	}
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	was := `{"id":"e-1","type":"user.created","source":"s","time":"2026-01-02T03:04:05Z","dataVersion":"1.0","dataContentType":"application/json","tenantId":"t-1","data":{"z":1,"a":9007199254740993}}`
	now := strings.Replace(was, `"z":1`, `"z":2`, 1)
	got := fix.Successor([]byte(was), []byte(now), "e-9")
	e, err := events.Parse(got)
	if err != nil || e.ID != "e-9" || e.CausationID != "e-1" || string(e.Data) != `{"z":2,"a":9007199254740993}` {
		t.Errorf("%s: %v", got, err)
	}
	for _, other := range []string{`{"no":"event"}`, strings.Replace(now, "e-1", "e-2", 1)} {
		if got := fix.Successor([]byte(was), []byte(other), "e-9"); string(got) != other {
			t.Errorf("%s becomes %s", other, got)
		}
	}
	if got := fix.Successor([]byte("text"), []byte(now), "e-9"); string(got) != now {
		t.Errorf("%s", got)
	}
}
