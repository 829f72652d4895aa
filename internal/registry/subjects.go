package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// schemaBody is how a schema is sent.
type schemaBody struct {
	Schema     string                `json:"schema"`
	Type       regschema.Type        `json:"schemaType,omitempty"`
	References []regschema.Reference `json:"references,omitempty"`
}

func body(s Schema) schemaBody {
	b := schemaBody{Schema: s.Text, Type: s.Type, References: s.References}
	if b.Type == regschema.Avro {
		b.Type = "" // what registries from before the other types understand
	}
	return b
}

// Register gives the schema's id in the subject, as a new version where the
// subject has not got it. It reports [ErrIncompatible], [ErrInvalid] and
// [ErrNotPermitted].
func (c *Client) Register(ctx context.Context, subject string, s Schema) (id int, err error) {
	var out struct {
		ID int `json:"id"`
	}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: path("subjects", subject, "versions"), body: body(s)}, &out); err != nil {
		return 0, err
	}
	if out.ID < 1 {
		return 0, fmt.Errorf("schema registry: registering in %s: answer has no id", subject)
	}
	return out.ID, nil
}

// Lookup finds the version of the subject that is this schema. It reports
// [ErrNotFound] when the subject has not got it.
func (c *Client) Lookup(ctx context.Context, subject string, s Schema) (Schema, error) {
	var out Schema
	_, err := c.do(ctx, call{method: http.MethodPost, path: path("subjects", subject), body: body(s)}, &out)
	return typed(out), err
}

// typed names the type that registries leave out.
func typed(s Schema) Schema {
	if s.Type == "" {
		s.Type = regschema.Avro
	}
	return s
}

// Subjects lists the subjects, with deleted also those that were deleted softly.
func (c *Client) Subjects(ctx context.Context, deleted bool) ([]string, error) {
	out := []string{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("subjects"), query: flag("deleted", deleted)}, &out)
	return out, err
}

// Versions lists the subject's versions. It reports [ErrNotFound].
func (c *Client) Versions(ctx context.Context, subject string) ([]int, error) {
	out := []int{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("subjects", subject, "versions")}, &out)
	return out, err
}

// Version fetches one version of a subject, or the newest for [Latest]. It
// reports [ErrNotFound].
func (c *Client) Version(ctx context.Context, subject string, version int) (Schema, error) {
	var out Schema
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("subjects", subject, "versions", number(version))}, &out)
	return typed(out), err
}

// ByID fetches a schema by the id that records carry. It reports [ErrNotFound].
func (c *Client) ByID(ctx context.Context, id int) (Schema, error) {
	var out Schema
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("schemas", "ids", strconv.Itoa(id))}, &out)
	out.ID = id
	return typed(out), err
}

// Types lists the schema types that the registry knows.
func (c *Client) Types(ctx context.Context) ([]string, error) {
	out := []string{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("schemas", "types")}, &out)
	return out, err
}

// Compatible asks whether the schema could follow a version of the subject, and
// why not, in the registry's words. A subject that does not exist yet takes
// every schema.
func (c *Client) Compatible(ctx context.Context, subject string, version int, s Schema) (ok bool, why []string, err error) {
	var out struct {
		Compatible bool     `json:"is_compatible"`
		Messages   []string `json:"messages"`
	}
	_, err = c.do(ctx, call{
		method: http.MethodPost, path: path("compatibility", "subjects", subject, "versions", number(version)),
		query: flag("verbose", true), body: body(s),
	}, &out)
	if version == Latest && errors.Is(err, ErrNotFound) {
		return true, nil, nil
	}
	return out.Compatible, out.Messages, err
}

// DeleteSubject deletes all versions and returns their numbers: softly, or, with
// permanent and after a soft deletion, for good. It reports [ErrNotFound],
// [ErrSoftDeleted], [ErrNotSoftDeleted] and [ErrReferenced].
func (c *Client) DeleteSubject(ctx context.Context, subject string, permanent bool) ([]int, error) {
	out := []int{}
	again, err := c.do(ctx, call{method: http.MethodDelete, path: path("subjects", subject), query: flag("permanent", permanent)}, &out)
	if again && isGone(err) {
		return out, nil
	}
	return out, err
}

// DeleteVersion is DeleteSubject for one version.
func (c *Client) DeleteVersion(ctx context.Context, subject string, version int, permanent bool) error {
	if version == Latest && c.retries > 0 {
		// A second try must not delete a second version.
		v, err := c.Version(ctx, subject, Latest)
		if err != nil {
			return err
		}
		version = v.Version
	}
	again, err := c.do(ctx, call{
		method: http.MethodDelete, path: path("subjects", subject, "versions", number(version)), query: flag("permanent", permanent),
	}, nil)
	if again && isGone(err) {
		return nil
	}
	return err
}

func isGone(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrSoftDeleted) }

// Level is the compatibility that versions of the subject must have, its own or
// else the registry's; the registry's for subject "".
func (c *Client) Level(ctx context.Context, subject string) (evolution.Mode, error) {
	var out struct {
		Level  string `json:"compatibilityLevel"`
		Answer string `json:"compatibility"`
	}
	query := flag("defaultToGlobal", subject != "")
	_, err := c.do(ctx, call{method: http.MethodGet, path: settings("config", subject), query: query}, &out)
	if subject != "" && errors.Is(err, ErrNotFound) { // one that does not know the flag
		return c.Level(ctx, "")
	}
	if err != nil {
		return "", err
	}
	if out.Level == "" {
		out.Level = out.Answer
	}
	return evolution.ParseMode(out.Level)
}

// OwnLevel is the subject's own level. It reports [ErrNotFound] when it has none.
func (c *Client) OwnLevel(ctx context.Context, subject string) (evolution.Mode, error) {
	var out struct {
		Level string `json:"compatibilityLevel"`
	}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: settings("config", subject)}, &out); err != nil {
		return "", err
	}
	return evolution.ParseMode(out.Level)
}

// SetLevel sets the level of a subject, or the registry's for "".
func (c *Client) SetLevel(ctx context.Context, subject string, level evolution.Mode) error {
	in := map[string]string{"compatibility": string(level)}
	_, err := c.do(ctx, call{method: http.MethodPut, path: settings("config", subject), body: in}, nil)
	return err
}

// DeleteLevel takes the subject's own level away, or sets the registry's back
// for "". It reports [ErrNotFound] when the subject has none.
func (c *Client) DeleteLevel(ctx context.Context, subject string) error {
	again, err := c.do(ctx, call{method: http.MethodDelete, path: settings("config", subject)}, nil)
	if again && isGone(err) {
		return nil
	}
	return err
}

// Mode is what the subject can be used for, such as [ReadWrite]; the registry
// as a whole for "".
func (c *Client) Mode(ctx context.Context, subject string) (string, error) {
	var out struct {
		Mode string `json:"mode"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: settings("mode", subject), query: flag("defaultToGlobal", subject != "")}, &out)
	return out.Mode, err
}

// SetMode sets the mode of a subject, or the registry's for "".
func (c *Client) SetMode(ctx context.Context, subject, mode string) error {
	in := map[string]string{"mode": mode}
	_, err := c.do(ctx, call{method: http.MethodPut, path: settings("mode", subject), body: in}, nil)
	return err
}

func settings(what, subject string) string {
	if subject == "" {
		return path(what)
	}
	return path(what, subject)
}

func number(version int) string {
	if version == Latest {
		return "latest"
	}
	return strconv.Itoa(version)
}

func flag(name string, on bool) url.Values {
	if !on {
		return nil
	}
	return url.Values{name: {"true"}}
}
