package fix

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ParseHeader reads NAME=VALUE. The value is what stands after the first "=",
// empty when nothing does.
func ParseHeader(text string) (kafka.Header, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return kafka.Header{}, fmt.Errorf("header %q: want NAME=VALUE", text)
	}
	return kafka.Header{Name: name, Value: []byte(value)}, nil
}

// editHeaders takes away and replaces headers; the list that came in stays as
// it is. A header that is set to what it already is keeps its place.
func editHeaders(headers, set []kafka.Header, del []string) ([]kafka.Header, bool) {
	gone := func(h kafka.Header) bool { return slices.Contains(del, h.Name) }
	var add []kafka.Header
	for i, s := range set {
		if slices.ContainsFunc(set[i+1:], func(h kafka.Header) bool { return h.Name == s.Name }) {
			continue // the last one of a name counts
		}
		if !onlyHeader(headers, s) {
			add = append(add, s)
		}
	}
	replaced := func(h kafka.Header) bool {
		return gone(h) || slices.ContainsFunc(add, func(s kafka.Header) bool { return s.Name == h.Name })
	}
	if len(add) == 0 && !slices.ContainsFunc(headers, gone) {
		return headers, false
	}
	out := make([]kafka.Header, 0, len(headers)+len(add))
	for _, h := range headers {
		if !replaced(h) {
			out = append(out, h)
		}
	}
	return append(out, add...), true
}

// onlyHeader tells whether want is the only header of its name.
func onlyHeader(headers []kafka.Header, want kafka.Header) bool {
	found := 0
	for _, h := range headers {
		if h.Name != want.Name {
			continue
		}
		if h.Value == nil || !bytes.Equal(h.Value, want.Value) {
			return false
		}
		found++
	}
	return found == 1
}

// Signature finds the name of a header that looks like a signature or checksum
// over the value, which a changed value no longer fits; "" for none.
func Signature(headers []kafka.Header) string {
	for _, h := range headers {
		name := strings.ToLower(h.Name)
		for _, part := range []string{"signature", "hmac", "digest", "checksum", "jws"} {
			if strings.Contains(name, part) {
				return h.Name
			}
		}
	}
	return ""
}
