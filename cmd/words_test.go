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
