package request

import "testing"

func TestSkipTags(t *testing.T) {
	for _, c := range []struct {
		name, in, rest string
		ok             bool
	}{
		{"none", "\x00rest", "rest", true},
		{"two", "\x02\x00\x01a\x07\x00rest", "rest", true},
		{"nothing", "", "", false},
		{"cut in a tag", "\x01", "", false},
		{"cut in a size", "\x01\x00", "", false},
		{"cut in a value", "\x01\x00\x05abc", "", false},
		{"a size beyond any", "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "", false},
		{"a count beyond any", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest, err := skipTags([]byte(c.in))
			if string(rest) != c.rest || (err == nil) != c.ok {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

func FuzzSkipTags(f *testing.F) {
	f.Add([]byte("\x02\x00\x01a\x07\x00rest"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if rest, err := skipTags(b); err == nil && len(rest) >= len(b) {
			t.Errorf("%d bytes of %d are left", len(rest), len(b))
		}
	})
}
