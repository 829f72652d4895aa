package console_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/console"
)

func FuzzParseFormat(f *testing.F) {
	for _, text := range []string{`%v\n`, `%K{big32}%k%V%v{hex}`, `%d{go##2006##} %h{%k=%v }`, `%v{unpack[<i$]}\x00`, `%k{re[\d+]} %d{strftime{[%F]}}`, "table"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, dir := range []console.Direction{console.Output, console.Input} {
			got, err := console.ParseFormat(text, dir)
			if (err == nil) == (got == nil) {
				t.Fatalf("ParseFormat(%q): %v and %v", text, got, err)
			}
			if err == nil && got.Keyword == console.None && len(got.Parts) == 0 {
				t.Fatalf("ParseFormat(%q) is nothing", text)
			}
		}
	})
}
