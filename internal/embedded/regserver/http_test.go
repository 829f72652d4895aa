package regserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// send gives the answer to a request as a client on this machine sends it.
func send(h http.Handler, method, target, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8081"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	h := s.Handler()
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"a client":           {nil, 200},
		"by name":            {func(r *http.Request) { r.Host = "localhost:8081" }, 200},
		"by IPv6":            {func(r *http.Request) { r.Host = "[::1]:8081" }, 200},
		"without a port":     {func(r *http.Request) { r.Host = "127.0.0.1" }, 200},
		"its own page":       {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8081") }, 200},
		"a rebound name":     {func(r *http.Request) { r.Host = "evil.example:8081" }, 403},
		"no host":            {func(r *http.Request) { r.Host = "" }, 403},
		"another page":       {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		"a page nearby":      {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:3000") }, 403},
		"a page of a file":   {func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		"a page's image":     {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"localhost as a sub": {func(r *http.Request) { r.Host = "localhost.evil.example" }, 403},
	} {
		if got := send(h, "GET", "/subjects", "", c.change).Code; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestAnswers holds status, code and form of answers that clients branch on.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	h := s.Handler()
	put(t, s, "s", `{"type":"object"}`)
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/", "", 200, `{}`},
		{"GET", "/contexts", "", 200, `["."]`},
		{"GET", "/schemas/types", "", 200, `["JSON","PROTOBUF","AVRO"]`},
		{"GET", "/v1/metadata/id", "", 200, `"scope"`},
		{"GET", "/apis/ccompat/v7/", "", 200, `{}`},
		{"GET", "/config", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"GET", "/mode", "", 200, `{"mode":"READWRITE"}`},
		{"GET", "/config/s", "", 404, `"error_code":40408`},
		{"GET", "/config/s?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"GET", "/mode/s", "", 404, `"error_code":40409`},
		{"DELETE", "/config/s", "", 404, `"error_code":40401`},
		{"DELETE", "/config", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"PUT", "/config/s", `{"compatibility":"FULL","normalize":true}`, 200, `{"compatibility":"FULL","normalize":true}`},
		{"PUT", "/config/s", `{"compatibility":"full"}`, 422, `"error_code":42203`},
		{"PUT", "/config/s", `{"compatibilityLevel":"FULL"}`, 422, `"error_code":42203`},
		{"PUT", "/config/s", `{"compatibility":"FULL","alias":"x"}`, 501, `alias`},
		{"PUT", "/mode/s", `{"mode":"SLEEPY"}`, 422, `"error_code":42204`},
		{"PUT", "/mode", `{"mode":"IMPORT"}`, 422, `"error_code":42205`},
		{"GET", "/schemas/ids/1", "", 200, `{"schemaType":"JSON","schema":"{\"type\":\"object\"}"}`},
		{"GET", "/schemas/ids/1/schema", "", 200, `{"type":"object"}`},
		{"GET", "/schemas/ids/1/subjects", "", 200, `["s"]`},
		{"GET", "/schemas/ids/1/versions", "", 200, `[{"subject":"s","version":1}]`},
		{"GET", "/schemas/ids/1?subject=other", "", 404, `"error_code":40403`},
		{"GET", "/schemas/ids/x", "", 404, `"error_code":404,`},
		{"GET", "/schemas?latestOnly=true", "", 200, `[{"subject":"s","version":1,"id":1,"schemaType":"JSON","schema":"{\"type\":\"object\"}"}]`},
		{"GET", "/subjects?subjectPrefix=x", "", 200, `[]`},
		{"GET", "/subjects/s/versions/-1", "", 200, `"version":1`},
		{"GET", "/subjects/s/versions/2", "", 404, `"error_code":40402`},
		{"GET", "/subjects/s/versions/x", "", 422, `"error_code":42202`},
		{"GET", "/subjects/s/versions/99999999999", "", 422, `"error_code":42202`},
		{"GET", "/subjects/s/versions/1/schema", "", 200, `{"type":"object"}`},
		{"GET", "/subjects/s/versions/1/referencedby", "", 200, `[]`},
		{"GET", "/subjects/:.other:s/versions", "", 422, `"error_code":42208`},
		{"POST", "/subjects/s/versions", `{"schema":"{","schemaType":"JSON"}`, 422, `"error_code":42201`},
		{"POST", "/subjects/s/versions", `{"schemaType":"JSON"}`, 422, `"error_code":42201`},
		{"POST", "/subjects/s/versions", `{"schema":"<a/>","schemaType":"XML"}`, 422, `"error_code":42201`},
		{"POST", "/subjects/s/versions", `{"schema":"\"int\"","ruleSet":{}}`, 501, `ruleSet`},
		{"POST", "/subjects/s/versions", `{"schema":5}`, 422, `"error_code":422,`},
		{"POST", "/subjects/s/versions", `{`, 400, `"error_code":400`},
		{"POST", "/subjects/s/versions", `{"schema":"` + strings.Repeat("x", MaxBody) + `"}`, 413, `"error_code":413`},
		{"POST", "/compatibility/subjects/s/versions/latest?verbose=true", `{"schema":"{\"type\":\"array\"}","schemaType":"JSON"}`, 200, `{"is_compatible":false,"messages":["`},
		{"POST", "/compatibility/subjects/s/versions", `{"schema":"{\"type\":\"object\"}","schemaType":"JSON"}`, 200, `{"is_compatible":true}`},
		{"POST", "/compatibility/subjects/s/versions/7", `{"schema":"{}","schemaType":"JSON"}`, 404, `"error_code":40402`},
		{"POST", "/compatibility/subjects/nobody/versions/1", `{"schema":"{}","schemaType":"JSON"}`, 404, `"error_code":40401`},
		{"POST", "/subjects/s?normalize=true", `{"schema":"{ \"type\":\"object\"}","schemaType":"JSON"}`, 200, `"version":1`},
		{"PATCH", "/subjects/s", "", 405, `"error_code":405`},
		{"PUT", "/subjects", "{}", 405, `"error_code":405`},
		{"GET", "/nothing", "", 404, `"error_code":404,`},
	} {
		w := send(h, c.method, c.target, c.body, nil)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Content-Type") != contentType {
			t.Errorf("%s %s: %d %s (%s); want %d with %s", c.method, c.target, w.Code, w.Body, w.Header().Get("Content-Type"), c.status, c.want)
		}
	}
	var members []string
	for i := range 2 * maxConflicts {
		members = append(members, fmt.Sprintf(`\"m%d\"`, i))
	}
	many := `{"schema":"{\"type\":\"object\",\"required\":[` + strings.Join(members, ",") + `]}","schemaType":"JSON"}`
	if w := send(h, "POST", "/subjects/s/versions", many, nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), fmt.Sprintf("and %d more", maxConflicts)) {
		t.Errorf("many conflicts: %d %.300s", w.Code, w.Body)
	}
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if got := send(h, "POST", "/subjects/s/versions", `{}`, form).Code; got != http.StatusUnsupportedMediaType {
		t.Errorf("a form: %d, want 415", got)
	}
}

// FuzzRequest holds that every answer is JSON, that a refused request changes
// nothing, and that the journal leads to what is served.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "subjects/s/versions", `{"schema":"{\"type\":\"object\"}","schemaType":"JSON"}`)
	f.Add("POST", "subjects/s/versions", `{"schema":"\"int\"","references":[{"name":"a","subject":"s","version":-1}]}`)
	f.Add("POST", "compatibility/subjects/s/versions/latest?verbose=true", `{"schema":"message A {}","schemaType":"PROTOBUF"}`)
	f.Add("PUT", "config/s", `{"compatibility":"NONE","normalize":true}`)
	f.Add("PUT", "mode?force=true", `{"mode":"IMPORT"}`)
	f.Add("DELETE", "subjects/s/versions/1", ``)
	f.Add("DELETE", "subjects/s?permanent=true", ``)
	f.Add("GET", "schemas/ids/1", ``)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		dir := t.TempDir()
		s := open(t, dir)
		put(t, s, "s", `{"type":"object","title":"s"}`)
		h := s.Handler()
		before, err := json.Marshal(s.state.snapshot())
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(method, "http://127.0.0.1/"+target, strings.NewReader(body))
		if err != nil {
			closed(t, s)
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code/100 != 3 && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) && !strings.HasSuffix(r.URL.Path, "/schema") {
			t.Errorf("%s %s: answer %q is not JSON", method, target, w.Body)
		}
		after, err := json.Marshal(s.state.snapshot())
		if err != nil {
			t.Fatal(err)
		}
		if w.Code/100 != 2 && string(after) != string(before) {
			t.Errorf("%s %s: %d, and yet something changed:\n%s\n%s", method, target, w.Code, before, after)
		}
		closed(t, s)
		again := open(t, dir)
		defer closed(t, again)
		if kept, err := json.Marshal(again.state.snapshot()); err != nil || string(kept) != string(after) {
			t.Errorf("%s %s: after a restart %s, before %s", method, target, kept, after)
		}
	})
}
