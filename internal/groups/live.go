package groups

import (
	"errors"
	"fmt"
	"strings"
)

// ErrLive is a group that may not be changed because it has members: their next
// commit would undo the change.
var ErrLive = errors.New("the group has members")

// LiveError is [ErrLive] with the members.
type LiveError struct {
	Name    string
	Members []Member // empty where the broker does not tell
}

func (e *LiveError) Error() string {
	const shown = 5
	if len(e.Members) == 0 {
		return fmt.Sprintf("%s: %v", e.Name, ErrLive)
	}
	var names []string
	for _, m := range e.Members[:min(shown, len(e.Members))] {
		names = append(names, fmt.Sprintf("%s on %s", m.ID, strings.TrimPrefix(m.Host, "/")))
	}
	if more := len(e.Members) - shown; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s: %v: %s", e.Name, ErrLive, strings.Join(names, ", "))
}

// Is matches [ErrLive].
func (e *LiveError) Is(target error) bool { return target == ErrLive }
