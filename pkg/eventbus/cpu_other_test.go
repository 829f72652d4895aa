//go:build !unix

package eventbus

import (
	"testing"
	"time"
)

// cpu stands in for what the process has used.
func cpu(testing.TB) time.Duration { return time.Duration(time.Now().UnixNano()) }
