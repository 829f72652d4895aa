package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFindsTheProjectAboveAndTheUsersFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "repo", settings.ProjectFile), "current: dev\ncontexts:\n  dev: {bootstrap: [localhost], mask: [/data/email]}\n")
	write(t, filepath.Join(dir, "config", "manage-kafka", "config.yaml"), "current: prod\ncontexts:\n  prod: {bootstrap: ['a:1', 'b:2'], access: read-only}\n")
	below := filepath.Join(dir, "repo", "services", "billing")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := settings.Load(below, filepath.Join(dir, "config"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, ok, err := files.Context("")
	if err != nil || !ok || c.Name != "dev" || !c.File.Shared || c.Access != settings.AccessFree || !slices.Equal(c.Bootstrap, []string{"localhost:9092"}) {
		t.Errorf("current context: %+v, %v, error %v", c, ok, err)
	}
	c, ok, err = files.Context("prod")
	if err != nil || !ok || c.File.Shared || c.Access != settings.AccessReadOnly {
		t.Errorf("context prod: %+v, %v, error %v", c, ok, err)
	}
	if _, _, err := files.Context("prd"); err == nil || err.Error() != "no context prd: there are dev, prod" {
		t.Errorf("context prd: error %v", err)
	}
	files, err = settings.Load(dir, filepath.Join(dir, "nowhere"), "", nil)
	if err != nil || files.Project != nil || files.User != nil {
		t.Errorf("without files: %+v, error %v", files, err)
	}
	if _, err := settings.Load(dir, "", filepath.Join(dir, "missing.yaml"), nil); err == nil {
		t.Error("a named file that is missing is no error")
	}
}

func TestRulesAreTheStrictestOfTheCluster(t *testing.T) {
	t.Parallel()
	file, err := settings.Parse("f", []byte(`
contexts:
  a: {bootstrap: ["h:1"], mask: [/a]}
  b: {bootstrap: ["h:1", "h:2"], access: read-only, mask: [/a, /b]}
  c: {bootstrap: ["h:3"], access: confirm, cluster_id: XYZ, mask: [/c]}
`), false)
	if err != nil {
		t.Fatal(err)
	}
	files := settings.Files{User: file}
	for _, test := range []struct {
		addrs []string
		id    string
		name  string
		mask  string
	}{
		{[]string{"h:1"}, "", "b", "/a /b"},
		{[]string{"other:1"}, "", "", ""},
		{[]string{"other:1"}, "XYZ", "c", "/c"},
		{[]string{"h:2"}, "XYZ", "b", "/a /b /c"},
		{[]string{"H:1"}, "", "b", "/a /b"},
		{[]string{"h.:1"}, "", "b", "/a /b"},
	} {
		addrs, err := kafka.ParseAddresses(test.addrs)
		if err != nil {
			t.Fatal(err)
		}
		got, mask := files.Rules(addrs, test.id)
		if got.Name != test.name || strings.Join(mask, " ") != test.mask {
			t.Errorf("%v %s: context %q, mask %v, want %q, %s", test.addrs, test.id, got.Name, mask, test.name, test.mask)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		shared     bool
		want       string
	}{
		{"unknown member", "contexts:\n  a:\n    bootstrap: [h]\n    pasword: x\n", false, "f:4: unknown member pasword"},
		{"unknown top member", "eventz: {}\nwrong: 1\n", false, "f:1: unknown member eventz; f:2: unknown member wrong"},
		{"wrong kind", "contexts: [a]\n", false, "f:1: a list does not belong here"},
		{"twice", "current: a\ncurrent: b\n", false, `f:2: "current" stands there twice, also on line 1`},
		{"access", "contexts:\n  a: {bootstrap: [h], access: none}\n", false, `f: context a: access "none": want free, confirm or read-only`},
		{"no bootstrap", "contexts:\n  a: {}\n", false, "f: context a: bootstrap: no bootstrap address given"},
		{"mask", "contexts:\n  a: {bootstrap: [h], mask: [data]}\n", false, `f: context a: mask "data": want a JSON pointer, such as /data/billingEmail`},
		{"property", "contexts:\n  a: {bootstrap: [h], properties: {sasl.mechanismm: PLAIN}}\n", false, "f: context a: properties: sasl.mechanismm: unknown client property; did you mean sasl.mechanism?"},
		{"no effect", "contexts:\n  a: {bootstrap: [h], properties: {acks: all}}\n", false, "f: context a: properties: acks: has no effect here"},
		{"two documents", "current: a\n---\ncurrent: b\n", false, "f: holds more than one document"},
		{"password in a project", "contexts:\n  a: {bootstrap: [h], properties: {sasl.password: '@x'}}\n", true, "f: context a: properties: sasl.password: a project file cannot set credentials; put the context into your own configuration file"},
		{"keystore in a project", "contexts:\n  a: {bootstrap: [h], properties: {ssl.keystore.location: k.pem}}\n", true, "f: context a: properties: ssl.keystore.location: a project file cannot set credentials; put the context into your own configuration file"},
		{"names unchecked in a project", "contexts:\n  a: {bootstrap: [h], properties: {ssl.endpoint.identification.algorithm: ''}}\n", true, "f: context a: properties: ssl.endpoint.identification.algorithm: a project file cannot weaken the check of the broker's name"},
		{"truststore elsewhere", "contexts:\n  a: {bootstrap: [h], properties: {ssl.truststore.location: ../../x.pem}}\n", true, "f: context a: properties: ssl.truststore.location: a project file can only name a file below itself"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := settings.Parse("f", []byte(test.text), test.shared)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestLoadRefusesAProjectThatShadowsOrWeakens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ project, user, want string }{
		"same name": {"contexts:\n  prod: {bootstrap: [evil]}\n", "contexts:\n  prod: {bootstrap: [h]}\n", "stands in"},
		"drops TLS": {"contexts:\n  p: {bootstrap: ['h:9093']}\n", "contexts:\n  prod: {bootstrap: ['h:9093'], properties: {security.protocol: SASL_SSL}}\n", "cannot drop TLS from a broker of your context prod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, settings.ProjectFile), test.project)
			user := write(t, filepath.Join(dir, "user.yaml"), test.user)
			if _, err := settings.Load(dir, "", user, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestLoadWarnsOfSecretsThatOthersCanRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	user := write(t, filepath.Join(dir, "user.yaml"), "contexts:\n  a: {bootstrap: [h], properties: {sasl.password: hunter2}}\n")
	if err := os.Chmod(user, 0o644); err != nil {
		t.Fatal(err)
	}
	var said []string
	if _, err := settings.Load(dir, "", user, func(text string) { said = append(said, text) }); err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || strings.Contains(said[0], "hunter2") {
		t.Errorf("said %q, want one warning without the secret", said)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("current: a\ncontexts:\n  a: {bootstrap: ['h:1'], properties: {security.protocol: SSL}, access: confirm}\n")
	f.Add("contexts: {a: &x {bootstrap: [h]}, b: *x}\n")
	f.Add("%YAML 1.1\n---\nproject: p\n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := settings.Parse("f", []byte(text), true)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f") {
				t.Errorf("error does not name the file: %v", err)
			}
			return
		}
		for name, c := range file.Contexts {
			if len(c.Bootstrap) == 0 || c.HasCredentials() || c.Access == "" || c.Name != name {
				t.Errorf("context %q got through: %+v", name, c)
			}
		}
	})
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, body := range map[string]string{"a.json": "{}", "sub/b.json": "[]", "big.json": strings.Repeat(" ", 1<<20+1)} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(body), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(outside, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := os.Symlink(outside, filepath.Join(dir, "link.json")) == nil
	for _, test := range []struct {
		schema       string
		shared, user string // what is wrong; "" is nothing
	}{
		{"a.json", "", ""},
		{"sub/b.json", "", ""},
		{outside, "only name a file below itself", ""},
		{"../x.json", "only name a file below itself", "no such file"},
		{"none.json", "no such file", "no such file"},
		{"sub", "is not a regular file", "is not a regular file"},
		{"big.json", "larger than 1048576 bytes", "larger than 1048576 bytes"},
		{"link.json", "escapes", ""},
	} {
		if test.schema == "link.json" && !linked {
			continue
		}
		for shared, want := range map[bool]string{true: test.shared, false: test.user} {
			text := "events: {types: [{type: order.created, schema: '" + test.schema + "', topic: t, key: /data/id, version: '2.0'}]}"
			file, err := settings.Parse(filepath.Join(dir, "f.yaml"), []byte(text), shared)
			if err != nil {
				t.Fatal(err)
			}
			typ := file.Events.Types[0]
			if typ.Type != "order.created" || typ.Topic != "t" || typ.Key != "/data/id" || typ.Version != "2.0" {
				t.Fatalf("%+v", typ)
			}
			_, err = file.ReadSchema(typ)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, shared %v: %v, want %q", test.schema, shared, err, want)
			}
		}
	}
}
