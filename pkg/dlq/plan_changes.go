package dlq

import (
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// The values of [PlanFix.Checks].
const (
	CheckJSON     = "json"            // one JSON text
	CheckEvent    = "event"           // an event of the contract
	CheckRegistry = "schema-registry" // decodes by the registry of [PlanFix.Registry]
)

const (
	// maxPlanEdits bounds the header edits and the checks of a plan, each.
	maxPlanEdits = 256
	// maxPlanText bounds each of their texts, in bytes.
	maxPlanText = 1 << 20
)

// PlanFix is what is done to each letter and asked of it before it is sent, as
// data that a plan file can hold: no command, no credentials, no address but
// that of a registry. See [fix.Options] for what each member means.
type PlanFix struct {
	JQ         string       `json:"jq,omitempty"`
	SetHeaders []PlanHeader `json:"set_headers,omitempty"`
	DelHeaders []string     `json:"del_headers,omitempty"`
	Key        *string      `json:"key,omitempty"`
	KeyJQ      string       `json:"key_jq,omitempty"`
	Predicate  string       `json:"predicate,omitempty"`
	// Checks are asked in their order, after the predicate.
	Checks []string `json:"checks,omitempty"`
	// Registry is the URL of the schema registry that the letters were checked
	// by. It says which one is meant; whoever applies the plan names it again.
	Registry string `json:"registry,omitempty"`
	// Hash is that of the changes, as the ledger will have it; "" without any.
	Hash string `json:"hash,omitempty"`
}

// PlanHeader is a header that is set.
type PlanHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Any tells whether anything is changed or checked.
func (f *PlanFix) Any() bool {
	return f != nil && (len(f.Checks) > 0 || f.Predicate != "" || f.hash() != "")
}

// Options are the changes and the predicate for [fix.New]. The caller adds the
// checks, which need what a file does not hold, and the worker.
func (f *PlanFix) Options() fix.Options {
	o := fix.Options{JQ: f.JQ, DelHeaders: f.DelHeaders, Key: f.Key, KeyJQ: f.KeyJQ, Predicate: f.Predicate}
	for _, h := range f.SetHeaders {
		o.SetHeaders = append(o.SetHeaders, kafka.Header{Name: h.Name, Value: []byte(h.Value)})
	}
	return o
}

func (f *PlanFix) hash() string {
	o := f.Options()
	return o.Hash()
}

// check finds what no plan file can hold, or what none of ours holds. The error
// names the member.
func (f *PlanFix) check() error {
	switch {
	case !f.Any():
		return errors.New("fix changes and checks nothing")
	case f.Key != nil && f.KeyJQ != "":
		return errors.New("fix.key and fix.key_jq exclude each other")
	case len(f.SetHeaders) > maxPlanEdits:
		return fmt.Errorf("fix.set_headers has %d members, more than %d", len(f.SetHeaders), maxPlanEdits)
	case len(f.DelHeaders) > maxPlanEdits:
		return fmt.Errorf("fix.del_headers has %d members, more than %d", len(f.DelHeaders), maxPlanEdits)
	case len(f.Checks) > maxPlanEdits:
		return fmt.Errorf("fix.checks has %d members, more than %d", len(f.Checks), maxPlanEdits)
	}
	registry := false
	for i, name := range f.Checks {
		switch name {
		case CheckJSON, CheckEvent:
		case CheckRegistry:
			registry = true
		default:
			return fmt.Errorf("fix.checks[%d] is %q: want json, event or schema-registry", i, clip(name))
		}
	}
	if registry != (f.Registry != "") {
		return errors.New("fix.registry and a check by schema-registry go together")
	}
	if u, err := url.Parse(f.Registry); registry && (err != nil || u.Host == "" || u.User != nil) {
		return errors.New("fix.registry is no URL without credentials") // which are not repeated here
	}
	return f.checkTexts()
}

func (f *PlanFix) checkTexts() error {
	text := func(name, s string) error {
		switch {
		case len(s) > maxPlanText:
			return fmt.Errorf("fix.%s has %d bytes, more than %d", name, len(s), maxPlanText)
		case !utf8.ValidString(s):
			return fmt.Errorf("fix.%s is no UTF-8", name)
		}
		return nil
	}
	key := ""
	if f.Key != nil {
		key = *f.Key
	}
	errs := []error{text("jq", f.JQ), text("key", key), text("key_jq", f.KeyJQ), text("predicate", f.Predicate), text("registry", f.Registry)}
	for i, h := range f.SetHeaders {
		if h.Name == "" {
			return fmt.Errorf("fix.set_headers[%d] has no name", i)
		}
		errs = append(errs, text(fmt.Sprintf("set_headers[%d].name", i), h.Name), text(fmt.Sprintf("set_headers[%d].value", i), h.Value))
	}
	for i, name := range f.DelHeaders {
		errs = append(errs, text(fmt.Sprintf("del_headers[%d]", i), name))
	}
	return errors.Join(errs...)
}
