package cmd

import (
	"slices"
	"testing"
)

func TestSplitWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                         nil,
		"  vi ":                    {"vi"},
		"code --wait":              {"code", "--wait"},
		`"/a b/vim" -c 'set ft=x'`: {"/a b/vim", "-c", "set ft=x"},
		`a\ b ""`:                  {"a b", ""},
		`a; rm -rf $HOME | b`:      {"a;", "rm", "-rf", "$HOME", "|", "b"},
		`x"y"'z'`:                  {"xyz"},
	} {
		got, err := splitWords(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := splitWords(`a "b`); err == nil {
		t.Error("an open quote passes")
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"orders", "a-b_c.d/e:f@g,h+i=j%k"} {
		if got := shellWord(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{"", "a b", "it's", `"`, "$HOME", "`id`", "a;b", "~", "*", "é", "a\nb", "!", "#"} {
		got := shellWord(s)
		if words, err := splitWords(got); err != nil || len(words) != 1 || words[0] != s || got == s {
			t.Errorf("%q became %s, which is read as %q, %v", s, got, words, err)
		}
	}
}
