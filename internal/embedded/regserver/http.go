package regserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

const (
	// contentType is what every answer is in.
	contentType = "application/vnd.schemaregistry.v1+json"
	// compatPath is where Apicurio has the same API.
	compatPath = "/apis/ccompat/v7"
)

// answer makes the body of one answer.
type answer func(*http.Request) (any, error)

// Handler serves the registry to clients on this machine: a request for another
// host name, as a web page can send by rebinding a name of its own, or from a
// page of another origin is refused.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, a := range s.routes() {
		method, path, _ := strings.Cut(pattern, " ")
		h := s.handle(a)
		if path == "/" {
			path = "/{$}"
		}
		mux.Handle(method+" "+path, h)
		mux.Handle(method+" "+compatPath+path, h)
	}
	return guard(mux)
}

func (s *Server) routes() map[string]answer {
	return map[string]answer{
		"GET /":                                                     func(*http.Request) (any, error) { return struct{}{}, nil },
		"GET /contexts":                                             func(*http.Request) (any, error) { return []string{"."}, nil },
		"GET /v1/metadata/id":                                       getClusterID,
		"GET /v1/metadata/version":                                  getServerVersion,
		"GET /schemas":                                              s.getSchemas,
		"GET /schemas/types":                                        func(*http.Request) (any, error) { return regschema.Types(), nil },
		"GET /schemas/ids/{id}":                                     s.getSchema,
		"GET /schemas/ids/{id}/schema":                              s.getSchemaText,
		"GET /schemas/ids/{id}/subjects":                            s.getSchemaSubjects,
		"GET /schemas/ids/{id}/versions":                            s.getSchemaVersions,
		"GET /subjects":                                             s.getSubjects,
		"GET /subjects/{subject}/versions":                          s.getVersions,
		"GET /subjects/{subject}/versions/{version}":                s.getVersion,
		"GET /subjects/{subject}/versions/{version}/schema":         s.getVersionText,
		"GET /subjects/{subject}/versions/{version}/referencedby":   s.getReferencedBy,
		"POST /subjects/{subject}":                                  s.postLookup,
		"POST /subjects/{subject}/versions":                         s.postVersion,
		"DELETE /subjects/{subject}":                                s.deleteSubject,
		"DELETE /subjects/{subject}/versions/{version}":             s.deleteVersion,
		"POST /compatibility/subjects/{subject}/versions":           s.postCompatibility,
		"POST /compatibility/subjects/{subject}/versions/{version}": s.postCompatibility,
		"GET /config":                                               s.getConfig,
		"PUT /config":                                               s.putConfig,
		"DELETE /config":                                            s.deleteConfig,
		"GET /config/{subject}":                                     s.getConfig,
		"PUT /config/{subject}":                                     s.putConfig,
		"DELETE /config/{subject}":                                  s.deleteConfig,
		"GET /mode":                                                 s.getMode,
		"PUT /mode":                                                 s.putMode,
		"DELETE /mode":                                              s.deleteMode,
		"GET /mode/{subject}":                                       s.getMode,
		"PUT /mode/{subject}":                                       s.putMode,
		"DELETE /mode/{subject}":                                    s.deleteMode,
	}
}

func (s *Server) handle(a answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		body, err := s.answer(a, r)
		if err != nil {
			s.writeError(w, r, err)
			return
		}
		if raw, ok := body.(rawText); ok {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, string(raw)) // a client that is gone needs no answer
			return
		}
		writeJSON(w, http.StatusOK, body)
	})
}

func (s *Server) answer(a answer, r *http.Request) (any, error) {
	if _, ok := subjectOf(r); ok {
		if err := checkSubject(r.PathValue("subject")); err != nil {
			return nil, err
		}
	}
	return a(r)
}

// rawText is a body that is written as it is.
type rawText string

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // a client that is gone needs no answer
}

type errorBody struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func writeFailure(w http.ResponseWriter, f *failure) {
	writeJSON(w, f.status, errorBody{Code: f.code, Message: f.message})
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var f *failure
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &tooLarge):
		f = &failure{http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "body is larger than " + strconv.Itoa(MaxBody) + " bytes"}
	case errors.Is(err, context.Canceled):
		return
	default:
		s.logf("ERROR", "%s %s: %v", r.Method, r.URL.EscapedPath(), err)
		f = &failure{http.StatusInternalServerError, 50001, err.Error()}
	}
	writeFailure(w, f)
}

// guard lets only this machine's own clients through, and gives the answers to
// unknown paths the registry's form.
func guard(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isLoopback(r.Host):
			writeFailure(w, &failure{http.StatusForbidden, http.StatusForbidden, "host is not this machine's loopback address"})
			return
		case !sameOrigin(r):
			writeFailure(w, &failure{http.StatusForbidden, http.StatusForbidden, "requests from web pages of another origin are refused"})
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			status := http.StatusNotFound
			if methods := allowed(mux, r); methods != "" {
				status = http.StatusMethodNotAllowed
				w.Header().Set("Allow", methods)
			}
			writeFailure(w, &failure{status, status, "HTTP " + strconv.Itoa(status) + " " + http.StatusText(status)})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// allowed lists the methods that the path of a request has.
func allowed(mux *http.ServeMux, r *http.Request) string {
	var list []string
	for _, m := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete} {
		try := r.Clone(r.Context())
		try.Method = m
		if _, pattern := mux.Handler(try); pattern != "" {
			list = append(list, m)
		}
	}
	return strings.Join(list, ", ")
}

func isLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameOrigin is true too for what no browser sends: a request without Origin.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// readBody reads a JSON body. Members that are not known are read past.
func readBody(r *http.Request, into any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		t, _, err := mime.ParseMediaType(ct)
		switch {
		case err == nil && (t == contentType || t == "application/json" || t == "application/octet-stream" || t == "application/vnd.schemaregistry+json"):
		default:
			return fail(http.StatusUnsupportedMediaType, http.StatusUnsupportedMediaType, "HTTP 415 Unsupported Media Type: send %s", contentType)
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return fail(http.StatusBadRequest, http.StatusBadRequest, "body cannot be read: %v", err)
	}
	if err := strictjson.Check(body); err != nil {
		return fail(http.StatusBadRequest, http.StatusBadRequest, "body is not JSON: %v", err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return unprocessable(http.StatusUnprocessableEntity, "body: %v", err)
	}
	return nil
}

func subjectOf(r *http.Request) (string, bool) {
	return r.PathValue("subject"), strings.Contains(r.Pattern, "{subject}")
}

func flag(r *http.Request, name string) bool {
	return strings.EqualFold(r.URL.Query().Get(name), "true")
}

func versionOf(r *http.Request) (int, error) {
	text := r.PathValue("version")
	if text == "latest" || text == "-1" {
		return latestVersion, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, errInvalidVersion(text)
	}
	return int(n), nil
}
