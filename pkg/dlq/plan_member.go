package dlq

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// unknownMember finds a member of a decoded JSON value that the Go type it is
// meant for has not, and names it as a.b[0].c; "" where there is none. Names
// have to be written exactly: encoding/json would take them in any letter case,
// and a person who looks for one in the file would not find it.
func unknownMember(at string, v any, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return ""
		}
		for i, e := range v {
			if name := unknownMember(fmt.Sprintf("%s[%d]", at, i), e, t.Elem()); name != "" {
				return name
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return ""
		}
		known := map[string]reflect.Type{}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				known[name] = f.Type
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			full := strings.TrimPrefix(at+"."+name, ".")
			if known[name] == nil {
				return full
			}
			if found := unknownMember(full, v[name], known[name]); found != "" {
				return found
			}
		}
	}
	return ""
}
