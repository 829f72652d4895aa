package cmd

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestBothTablesAreTheSame holds our own padding to the library's, for plain,
// wide and coloured text.
func TestBothTablesAreTheSame(t *testing.T) {
	t.Parallel()
	heads, right := []string{"NAME", paint(true, styleHead, "COUNT"), "NOTE"}, []bool{false, true, false}
	var rows [][]string
	for i := range 30 {
		rows = append(rows, []string{strings.Repeat("x", i), fmt.Sprint(i * i * i), paint(i%2 == 0, styleWarn, "n")})
	}
	rows = append(rows, []string{"größe", "1", ""}, []string{"", "", "日本語"}, []string{"a", "2", "…"})
	drawn, err := drawTable(heads, right, rows)
	if err != nil {
		t.Fatal(err)
	}
	// The library ends colours once more than needed.
	colour := regexp.MustCompile("\x1b\\[[0-9;]*m")
	lines := func(s string) []string { return strings.Split(colour.ReplaceAllString(s, ""), "\n") }
	want, got := lines(drawn), lines(alignTable(heads, right, rows))
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || strings.TrimRight(want[i], " ") != strings.TrimRight(got[i], " ") {
			t.Fatalf("line %d differs:\n%q\n%q", i, want[min(i, len(want)-1)], got[min(i, len(got)-1)])
		}
	}
}
