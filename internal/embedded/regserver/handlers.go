package regserver

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// schemaAnswer is a schema in an answer. AVRO is not named, as by Confluent's
// registry, for clients from before there were other types.
type schemaAnswer struct {
	Subject    string                `json:"subject,omitempty"`
	Version    int                   `json:"version,omitempty"`
	ID         int                   `json:"id,omitempty"`
	SchemaType string                `json:"schemaType,omitempty"`
	References []regschema.Reference `json:"references,omitempty"`
	Schema     string                `json:"schema"`
}

func describe(sch *schema) schemaAnswer {
	a := schemaAnswer{References: sch.Refs, Schema: sch.Text}
	if sch.Type != regschema.Avro {
		a.SchemaType = string(sch.Type)
	}
	return a
}

func describeVersion(name string, v version, sch *schema) schemaAnswer {
	a := describe(sch)
	a.Subject, a.Version, a.ID = name, v.Number, v.ID
	return a
}

func getClusterID(*http.Request) (any, error) {
	type scope struct {
		Path     []string          `json:"path"`
		Clusters map[string]string `json:"clusters"`
	}
	return struct {
		Scope scope  `json:"scope"`
		ID    string `json:"id"`
	}{scope{[]string{}, map[string]string{"schema-registry-cluster": "schema-registry"}}, ""}, nil
}

func getServerVersion(*http.Request) (any, error) {
	return map[string]string{"version": "manage-kafka embedded", "commitId": ""}, nil
}

// byID finds the schema that a path names.
func (s *Server) byID(r *http.Request) (*schema, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
	if err != nil {
		return nil, fail(http.StatusNotFound, http.StatusNotFound, "HTTP 404 Not Found")
	}
	sch := s.state.schemas[int(id)]
	if sch == nil {
		return nil, notFound(40403, "Schema %d not found", id)
	}
	if name := r.URL.Query().Get("subject"); name != "" && !s.state.has(name, sch.id) {
		return nil, notFound(40403, "Schema %d not found", id)
	}
	return sch, nil
}

func (st *state) has(name string, id int) bool {
	if sub := st.subjects[name]; sub != nil {
		for _, v := range sub.versions {
			if v.ID == id {
				return true
			}
		}
	}
	return false
}

func (s *Server) getSchema(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sch, err := s.byID(r)
	if err != nil {
		return nil, err
	}
	return describe(sch), nil
}

func (s *Server) getSchemaText(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sch, err := s.byID(r)
	if err != nil {
		return nil, err
	}
	return rawText(sch.Text), nil
}

// eachVersion walks over what a listing shows, in order.
func (s *Server) eachVersion(deleted bool, each func(name string, v version)) {
	for _, name := range s.state.names() {
		for _, v := range s.state.subjects[name].versions {
			if deleted || !v.Deleted {
				each(name, v)
			}
		}
	}
}

func (s *Server) getSchemaSubjects(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sch, err := s.byID(r)
	if err != nil {
		return nil, err
	}
	names := []string{}
	s.eachVersion(flag(r, "deleted"), func(name string, v version) {
		if v.ID == sch.id && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	})
	return names, nil
}

func (s *Server) getSchemaVersions(r *http.Request) (any, error) {
	type place struct {
		Subject string `json:"subject"`
		Version int    `json:"version"`
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	sch, err := s.byID(r)
	if err != nil {
		return nil, err
	}
	places := []place{}
	s.eachVersion(flag(r, "deleted"), func(name string, v version) {
		if v.ID == sch.id {
			places = append(places, place{name, v.Number})
		}
	})
	return places, nil
}

func (s *Server) getSchemas(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []schemaAnswer{}
	prefix, latest := r.URL.Query().Get("subjectPrefix"), flag(r, "latestOnly")
	s.eachVersion(flag(r, "deleted"), func(name string, v version) {
		if !strings.HasPrefix(name, prefix) {
			return
		}
		if n := len(list); latest && n > 0 && list[n-1].Subject == name {
			list = list[:n-1]
		}
		list = append(list, describeVersion(name, v, s.state.schemas[v.ID]))
	})
	return list, nil
}

func (s *Server) getSubjects(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := []string{}
	prefix, deleted, only := r.URL.Query().Get("subjectPrefix"), flag(r, "deleted"), flag(r, "deletedOnly")
	for _, name := range s.state.names() {
		gone := s.state.subjects[name].latest() == nil
		if strings.HasPrefix(name, prefix) && (gone && (deleted || only) || !gone && !only) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (s *Server) getVersions(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := r.PathValue("subject")
	numbers := []int{}
	if sub := s.state.subjects[name]; sub != nil {
		for _, v := range sub.versions {
			if v.Deleted && (flag(r, "deleted") || flag(r, "deletedOnly")) || !v.Deleted && !flag(r, "deletedOnly") {
				numbers = append(numbers, v.Number)
			}
		}
	}
	if len(numbers) == 0 {
		return nil, errSubjectNotFound(name)
	}
	return numbers, nil
}

// versionAt finds the version that a path names.
func (s *Server) versionAt(r *http.Request) (version, *schema, error) {
	name := r.PathValue("subject")
	number, err := versionOf(r)
	if err != nil {
		return version{}, nil, err
	}
	sub, deleted := s.state.subjects[name], flag(r, "deleted")
	if sub == nil || !deleted && sub.latest() == nil {
		return version{}, nil, errSubjectNotFound(name)
	}
	v := sub.find(number)
	if number == latestVersion {
		if v = sub.latest(); v == nil {
			v = &sub.versions[len(sub.versions)-1]
		}
	}
	if v == nil || v.Deleted && !deleted {
		return version{}, nil, errVersionNotFound(number)
	}
	return *v, s.state.schemas[v.ID], nil
}

func (s *Server) getVersion(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, sch, err := s.versionAt(r)
	if err != nil {
		return nil, err
	}
	return describeVersion(r.PathValue("subject"), v, sch), nil
}

func (s *Server) getVersionText(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, sch, err := s.versionAt(r)
	if err != nil {
		return nil, err
	}
	return rawText(sch.Text), nil
}

func (s *Server) getReferencedBy(r *http.Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, _, err := s.versionAt(r)
	if err != nil {
		return nil, err
	}
	return s.state.referencing(r.PathValue("subject"), v.Number, flag(r, "deleted")), nil
}
