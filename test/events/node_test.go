// Package events_test holds the exported contract against the tools of other
// languages: ajv, the TypeScript compiler and AsyncAPI's own parser.
package events_test

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
	"github.com/multi-tenant/manage-kafka/test/testcache"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

//go:embed js
var scripts embed.FS

// packages are what the scripts need; the cache entry's name changes with them.
func packages() []string {
	return []string{"ajv@8.20.0", "ajv-formats@3.0.1", "typescript@5.9.3", "@asyncapi/parser@3.6.3", "kafkajs@2.2.4", "@types/node@20.9.5"}
}

// workspace copies the scripts to a directory and returns it with the node
// modules, installed by npm into the test cache on first use.
func workspace(t *testing.T) (dir, modules string) {
	t.Helper()
	tier.Real(t)
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			tier.Missing(t, tool, "install Node.js 18 or newer (Debian: apt-get install nodejs npm)")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cache, err := testcache.Entry(ctx, "contract-ajv8.20-ts5.9.3-asyncapi3.6.3-kafkajs2.2.4", func(dir string) error {
		args := append([]string{"install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"}, packages()...)
		cmd := exec.CommandContext(ctx, "npm", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm install: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, scripts); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "js"), filepath.Join(cache, "node_modules")
}

func node(t *testing.T, modules string, stdin []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "NODE_NO_WARNINGS=1")
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %v: %v\n%s\n%s", args, err, out, stderr.Bytes())
	}
	return out
}

func exported(t *testing.T, f export.Format) []byte {
	t.Helper()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	out, err := export.Write(c, f, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAsyncAPIParses(t *testing.T) {
	t.Parallel()
	dir, modules := workspace(t)
	var got struct {
		Diagnostics []struct {
			Severity      int
			Message, Path string
		}
		Channels, Messages []string
		Operations         int
	}
	out := node(t, modules, exported(t, export.AsyncAPI), filepath.Join(dir, "asyncapi.js"))
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const hint = 2
	for _, d := range got.Diagnostics {
		if d.Severity < hint {
			t.Errorf("%s: %s", d.Path, d.Message)
		}
	}
	if len(got.Channels) != 6 || len(got.Messages) != 35 || got.Operations != 12 {
		t.Errorf("%d channels, %d messages, %d operations", len(got.Channels), len(got.Messages), got.Operations)
	}
	// the parser must be able to complain
	out = node(t, modules, bytes.Replace(exported(t, export.AsyncAPI), []byte(`"address"`), []byte(`"adress"`), 1), filepath.Join(dir, "asyncapi.js"))
	if !bytes.Contains(out, []byte(`"severity":0`)) {
		t.Errorf("a broken document passes: %s", out)
	}
}

func TestTypeScriptCompiles(t *testing.T) {
	t.Parallel()
	dir, modules := workspace(t)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("events.ts", exported(t, export.TypeScript))
	write("examples.ts", examplesInTypeScript(t))
	node(t, modules, nil, filepath.Join(modules, "typescript", "bin", "tsc"), "--strict", "--noEmit", "--noUnusedLocals", "--exactOptionalPropertyTypes",
		"--target", "es2022", "--module", "commonjs", filepath.Join(dir, "events.ts"), filepath.Join(dir, "usage.ts"), filepath.Join(dir, "examples.ts"))

	write("program.ts", []byte(`import { TenantEventType, EventTopic } from './events';
console.log(TenantEventType.CREATED, EventTopic[TenantEventType.CREATED], Object.keys(EventTopic).length);
`))
	node(t, modules, nil, filepath.Join(modules, "typescript", "bin", "tsc"), "--strict", "--target", "es2022", "--module", "commonjs", filepath.Join(dir, "program.ts"))
	if out := node(t, modules, nil, filepath.Join(dir, "program.js")); string(out) != "tenant.created tenant.events 35\n" {
		t.Errorf("the compiled program prints %s", out)
	}
}

// examplesInTypeScript is a module in which every example must fit its type.
func examplesInTypeScript(t *testing.T) []byte {
	t.Helper()
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("import { EventOf } from './events';\n")
	for _, typ := range c.Types() {
		for seed := range uint64(5) {
			e, err := c.Example(typ.Name, seed)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "export const example%d_%s: EventOf<'%s'> = %s;\n", seed, bytes.ReplaceAll([]byte(typ.Name), []byte("."), []byte("_")), typ.Name, e.Encode())
		}
	}
	return b.Bytes()
}
