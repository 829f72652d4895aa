package events

import (
	"fmt"
	"strconv"
	"strings"
)

// A Version is a dataVersion: a new major breaks readers, a new minor does not.
type Version struct {
	Major, Minor int
}

// ParseVersion reads "MAJOR.MINOR", each of at most six digits without leading
// zeros.
func ParseVersion(s string) (Version, error) {
	major, minor, ok := strings.Cut(s, ".")
	v := Version{}
	if !ok || !part(major, &v.Major) || !part(minor, &v.Minor) {
		return Version{}, fmt.Errorf("%s is not MAJOR.MINOR, such as 1.0", quote(s))
	}
	return v, nil
}

func part(s string, n *int) bool {
	if s == "" || len(s) > 6 || len(s) > 1 && s[0] == '0' {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		*n = *n*10 + int(c-'0')
	}
	return true
}

// String is "MAJOR.MINOR".
func (v Version) String() string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor)
}
