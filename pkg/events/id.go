package events

import (
	"fmt"

	"github.com/google/uuid"
)

// NewID makes a UUID of version 7 (RFC 9562): ids made later sort later, also
// within one process and millisecond. It fails only when the system has no
// randomness to give. It may be called by any number of goroutines.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("event id: %w", err)
	}
	return id.String(), nil
}
