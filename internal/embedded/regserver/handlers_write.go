package regserver

import (
	"net/http"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

func (s *Server) postVersion(r *http.Request) (any, error) {
	var req schemaRequest
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	id, err := s.register(r.Context(), r.PathValue("subject"), req, flag(r, "normalize"))
	if err != nil {
		return nil, err
	}
	return struct {
		ID int `json:"id"`
	}{id}, nil
}

func (s *Server) postLookup(r *http.Request) (any, error) {
	var req schemaRequest
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	name := r.PathValue("subject")
	v, sch, err := s.lookup(name, req, flag(r, "normalize"), flag(r, "deleted"))
	if err != nil {
		return nil, err
	}
	return describeVersion(name, v, sch), nil
}

func (s *Server) postCompatibility(r *http.Request) (any, error) {
	number := 0
	if r.PathValue("version") != "" {
		var err error
		if number, err = versionOf(r); err != nil {
			return nil, err
		}
	}
	var req schemaRequest
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	conflicts, err := s.compatible(r.Context(), r.PathValue("subject"), number, req)
	if err != nil {
		return nil, err
	}
	verdict := struct {
		Compatible bool     `json:"is_compatible"`
		Messages   []string `json:"messages,omitempty"`
	}{Compatible: len(conflicts) == 0}
	if flag(r, "verbose") {
		verdict.Messages = conflicts
	}
	return verdict, nil
}

func (s *Server) deleteSubject(r *http.Request) (any, error) {
	return s.removeSubject(r.PathValue("subject"), flag(r, "permanent"))
}

func (s *Server) deleteVersion(r *http.Request) (any, error) {
	number, err := versionOf(r)
	if err != nil {
		return nil, err
	}
	return s.removeVersion(r.PathValue("subject"), number, flag(r, "permanent"))
}

// levelAnswer is what reading and removing a level answer with; setting one
// answers with the request.
type levelAnswer struct {
	Level     evolution.Mode `json:"compatibilityLevel"`
	Normalize *bool          `json:"normalize,omitempty"`
}

func (s *Server) getConfig(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := r.PathValue("subject")
	own := s.state.settings[name]
	if name != global && own.Level == "" && own.Normalize == nil && !flag(r, "defaultToGlobal") {
		return nil, errNoLevel(name)
	}
	return levelAnswer{s.state.level(name), own.Normalize}, nil
}

func (s *Server) putConfig(r *http.Request) (any, error) {
	var req configRequest
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	return s.setConfig(r.PathValue("subject"), req)
}

func (s *Server) deleteConfig(r *http.Request) (any, error) {
	old, err := s.dropConfig(r.PathValue("subject"))
	if err != nil {
		return nil, err
	}
	return levelAnswer{Level: old}, nil
}

type modeBody struct {
	Mode string `json:"mode"`
}

func (s *Server) getMode(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := r.PathValue("subject")
	if name != global && s.state.settings[name].Mode == "" && !flag(r, "defaultToGlobal") {
		return nil, errNoMode(name)
	}
	return modeBody{s.state.mode(name)}, nil
}

func (s *Server) putMode(r *http.Request) (any, error) {
	var req modeBody
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	return req, s.setMode(r.PathValue("subject"), req.Mode, flag(r, "force"))
}

func (s *Server) deleteMode(r *http.Request) (any, error) {
	old, err := s.dropMode(r.PathValue("subject"))
	if err != nil {
		return nil, err
	}
	return modeBody{old}, nil
}
