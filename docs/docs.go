// Package docs holds the page of the documentation that the command line shows too.
package docs

import _ "embed"

// OtherTools is other-tools.md: tables of what is typed with other tools, and what
// is typed here.
//
//go:embed other-tools.md
var OtherTools string
