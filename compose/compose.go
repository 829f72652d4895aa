// Package compose holds the Docker Compose files of the local stack, so that the
// binary can run them without a checkout.
//
// [Base] is the whole stack; every other file is an overlay to be merged on top
// of it. The files also work by hand: docker compose -f compose/compose.yaml up.
package compose

import "embed"

// Base names the file in [FS] that every overlay is merged onto.
const Base = "compose.yaml"

// FS holds the compose files at its root, byte for byte as they are in the
// repository.
//
//go:embed *.yaml
var FS embed.FS
