package composefile

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// environment is what variables in the files may resolve to.
type environment struct {
	known types.Mapping // resolves
	user  map[string]string
	// asked are variables of the user's environment that a file asked for and
	// did not get.
	asked  []string
	unsafe bool
}

// passed are the variables of the carried files that the user may set.
var passed = regexp.MustCompile(`^(KAFKA|SCHEMA_REGISTRY|SCHEMA_REGISTRY_CONFLUENT|KAFKA_UI)_(IMAGE|HEAP|MEMORY)$`)

// environment gathers what files see: the .env file beside the override, what
// may be set of the user's environment, and above all our own variables.
func (src Source) environment(over *override) (*environment, error) {
	env := &environment{known: types.Mapping{}, user: map[string]string{}, unsafe: src.AllowUnsafe}
	if over != nil {
		path := filepath.Join(filepath.Dir(over.path), ".env")
		if _, err := os.Stat(path); err == nil {
			values, err := dotenv.Read(path)
			if err != nil {
				return nil, &Error{File: path, Err: err, Kind: ErrInvalid}
			}
			for name, value := range values {
				env.known[name] = value
			}
		}
	}
	for _, kv := range src.Environ {
		name, value, _ := strings.Cut(kv, "=")
		if passed.MatchString(name) && value != "" {
			env.known[name] = value
		} else if name != "" {
			env.user[name] = value
		}
	}
	for name, value := range src.Variables {
		env.known[name] = value
	}
	return env, nil
}

// lookup resolves a variable for compose-go.
func (e *environment) lookup(name string) (string, bool) {
	if value, ok := e.known[name]; ok {
		return value, true
	}
	value, ok := e.user[name]
	if !ok || ours(name) {
		return "", false
	}
	if !slices.Contains(e.asked, name) {
		e.asked = append(e.asked, name)
	}
	return value, e.unsafe
}

// ours tells a variable of the carried files, which the caller sets or leaves
// at its default: the user's environment has no say in it.
func ours(name string) bool {
	return regexp.MustCompile(`^(KAFKA|SCHEMA_REGISTRY|SCHEMA_REGISTRY_CONFLUENT|KAFKA_UI)_(IMAGE|PORT|BIND|HEAP|MEMORY)$`).MatchString(name) ||
		name == "KAFKA_ADVERTISED_HOST" || name == "KAFKA_CLUSTER_ID"
}
