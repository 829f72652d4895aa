package letters

import "testing"

func TestWithoutError(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":1,"error":"x"}`:                                    `{"a":1}`,
		`{"error":"x","a":1}`:                                    `{"a":1}`,
		`{ "a" : 1 , "error" : {"b":[1,"}"]} , "c":2 }`:          `{ "a" : 1 , "c":2 }`,
		`{"error":null}`:                                         `{}`,
		` { "error":"x" } `:                                      ` {  } `,
		`{"error":1,"error":2}`:                                  `{}`,
		`{"error":1,"a":9007199254740993,"error":2,"b":1.50}`:    `{"a":9007199254740993,"b":1.50}`,
		`{"\u0065rror":"x","data":{"error":"mine"},"error":"y"}`: `{"data":{"error":"mine"}}`,
	} {
		clean, _, ok := WithoutError([]byte(in))
		if !ok || string(clean) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", in, clean, ok, want)
		}
	}
	for _, in := range []string{``, `{}`, `{"a":"error"}`, `["error"]`, `{"error":`, `{"data":{"error":1}}`, `"error"`} {
		if clean, _, ok := WithoutError([]byte(in)); ok || string(clean) != in {
			t.Errorf("%s: took something out: %s", in, clean)
		}
	}
}

func TestWithError(t *testing.T) {
	t.Parallel()
	l := Letter{Class: "TypeError", Message: "x <is> undefined", Attempts: 4, Group: "g"}
	for in, want := range map[string]string{
		`{}`:                  `{"error":{"name":"TypeError","message":"x \u003cis\u003e undefined","group":"g","attempts":4}}`,
		` {"a":1.50 } `:       ` {"a":1.50,"error":{"name":"TypeError","message":"x \u003cis\u003e undefined","group":"g","attempts":4}} `,
		`{"error":"y","a":1}`: `{"a":1,"error":{"name":"TypeError","message":"x \u003cis\u003e undefined","group":"g","attempts":4}}`,
		`no JSON`:             `no JSON`,
		`[1]`:                 `[1]`,
	} {
		got := WithError([]byte(in), l)
		if string(got) != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	_, back, ok := WithoutError(WithError([]byte(`{"a":1}`), l))
	if !ok || back.Class != l.Class || back.Message != l.Message || back.Attempts != 4 || back.Group != "g" {
		t.Errorf("read back %+v, %v", back, ok)
	}
}
