package regserver

import (
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

// The modes of a subject or of the whole registry.
const (
	modeReadWrite        = "READWRITE"
	modeReadOnly         = "READONLY"
	modeReadOnlyOverride = "READONLY_OVERRIDE"
	modeImport           = "IMPORT"
)

func modes() []string {
	return []string{modeReadWrite, modeReadOnly, modeReadOnlyOverride, modeImport}
}

// global is the name under which the settings of all subjects are kept.
const global = ""

// level is the compatibility that a subject's next version must have.
func (st *state) level(name string) evolution.Mode {
	for _, n := range []string{name, global} {
		if l := st.settings[n].Level; l != "" {
			return l
		}
	}
	return evolution.Backward
}

// mode is what a subject may be used for. A registry that is overridden to be
// read-only wins over its subjects.
func (st *state) mode(name string) string {
	all := st.settings[global].Mode
	if all == modeReadOnlyOverride {
		return all
	}
	for _, m := range []string{st.settings[name].Mode, all} {
		if m != "" {
			return m
		}
	}
	return modeReadWrite
}

func (st *state) normalizes(name string) bool {
	for _, n := range []string{name, global} {
		if v := st.settings[n].Normalize; v != nil {
			return *v
		}
	}
	return false
}

func (st *state) writable(name string) error {
	switch m := st.mode(name); m {
	case modeReadOnly, modeReadOnlyOverride:
		return errNotPermitted("Subject %s is in read-only mode (%s)", name, m)
	}
	return nil
}

// configRequest is the body of PUT /config. What it leaves out stays as it is.
type configRequest struct {
	Compatibility      string `json:"compatibility,omitempty"`
	Normalize          *bool  `json:"normalize,omitempty"`
	Alias              any    `json:"alias,omitempty"`
	Group              any    `json:"compatibilityGroup,omitempty"`
	DefaultMetadata    any    `json:"defaultMetadata,omitempty"`
	OverrideMetadata   any    `json:"overrideMetadata,omitempty"`
	DefaultRuleSet     any    `json:"defaultRuleSet,omitempty"`
	OverrideRuleSet    any    `json:"overrideRuleSet,omitempty"`
	CompatibilityLevel any    `json:"compatibilityLevel,omitempty"`
}

func (r configRequest) unsupported() string {
	for name, v := range map[string]any{
		"alias": r.Alias, "compatibilityGroup": r.Group, "defaultMetadata": r.DefaultMetadata, "overrideMetadata": r.OverrideMetadata,
		"defaultRuleSet": r.DefaultRuleSet, "overrideRuleSet": r.OverrideRuleSet,
	} {
		if v != nil {
			return name
		}
	}
	return ""
}

// setConfig returns what now holds, as the answer repeats it.
func (s *Server) setConfig(name string, req configRequest) (configRequest, error) {
	if what := req.unsupported(); what != "" {
		return req, errUnsupported(what)
	}
	if req.Compatibility == "" && req.Normalize == nil {
		// An answer of GET sent back unchanged would otherwise look as if it worked.
		return req, errInvalidLevel("")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.state.settings[name]
	if req.Compatibility != "" {
		level, err := evolution.ParseMode(req.Compatibility)
		if err != nil {
			return req, errInvalidLevel(req.Compatibility)
		}
		next.Level = level
	}
	if req.Normalize != nil {
		next.Normalize = req.Normalize
	}
	if err := s.state.writable(name); err != nil {
		return req, err
	}
	return req, s.commit(change{Kind: kindSettings, Subject: name, Settings: &next})
}

// dropConfig takes a subject's level away, or sets the registry's back, and
// returns the one that held.
func (s *Server) dropConfig(name string) (evolution.Mode, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.state.settings[name]
	if name != global && next.Level == "" && next.Normalize == nil {
		return "", errSubjectNotFound(name)
	}
	if err := s.state.writable(name); err != nil {
		return "", err
	}
	old := s.state.level(name)
	next.Level, next.Normalize = "", nil
	return old, s.commit(change{Kind: kindSettings, Subject: name, Settings: &next})
}

// setMode sets the mode of a subject or of all. IMPORT changes ids, so it needs
// an empty subject or registry unless it is forced.
func (s *Server) setMode(name, mode string, force bool) error {
	if !slices.Contains(modes(), mode) {
		return errInvalidMode(mode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if mode == modeImport && !force {
		if name == global && len(s.state.subjects) > 0 || s.state.subjects[name] != nil {
			return errNotPermitted("Cannot import since found existing subjects; force=true allows it")
		}
	}
	next := s.state.settings[name]
	next.Mode = mode
	return s.commit(change{Kind: kindSettings, Subject: name, Settings: &next})
}

// dropMode takes a mode away and returns it.
func (s *Server) dropMode(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.state.settings[name]
	old := next.Mode
	if old == "" {
		if name != global {
			return "", errSubjectNotFound(name)
		}
		return modeReadWrite, nil
	}
	next.Mode = ""
	return old, s.commit(change{Kind: kindSettings, Subject: name, Settings: &next})
}
