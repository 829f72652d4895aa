package regserver

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

// failure is an answer that is an error, in the codes of Confluent's registry.
type failure struct {
	status  int
	code    int
	message string
}

func (f *failure) Error() string { return f.message }

func fail(status, code int, format string, args ...any) error {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func notFound(code int, format string, args ...any) error {
	return fail(http.StatusNotFound, code, format, args...)
}

func unprocessable(code int, format string, args ...any) error {
	return fail(http.StatusUnprocessableEntity, code, format, args...)
}

func errSubjectNotFound(subject string) error {
	return notFound(40401, "Subject '%s' not found.", subject)
}
func errVersionNotFound(number int) error { return notFound(40402, "Version %d not found.", number) }
func errSchemaNotFound() error            { return notFound(40403, "Schema not found") }
func errSubjectSoftDeleted(subject string) error {
	return notFound(40404, "Subject '%s' was soft deleted. Set permanent=true to delete permanently", subject)
}
func errSubjectNotSoftDeleted(subject string) error {
	return notFound(40405, "Subject '%s' was not deleted first before being permanently deleted", subject)
}
func errVersionSoftDeleted(subject string, number int) error {
	return notFound(40406, "Subject '%s' Version %d was soft deleted. Set permanent=true to delete permanently", subject, number)
}
func errVersionNotSoftDeleted(subject string, number int) error {
	return notFound(40407, "Subject '%s' Version %d was not deleted first before being permanently deleted", subject, number)
}
func errNoLevel(subject string) error {
	return notFound(40408, "Subject '%s' does not have subject-level compatibility configured", subject)
}
func errNoMode(subject string) error {
	return notFound(40409, "Subject '%s' does not have subject-level mode configured", subject)
}
func errInvalidSchema(why string) error { return unprocessable(42201, "Invalid schema: %s", why) }
func errInvalidVersion(text string) error {
	return unprocessable(42202, "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"", text)
}
func errInvalidLevel(text string) error {
	var names []string
	for _, m := range evolution.Modes() {
		names = append(names, strings.ToLower(string(m)))
	}
	return unprocessable(42203, "Invalid compatibility level %q. Valid values are %s", text, strings.Join(names, ", "))
}
func errInvalidMode(text string) error {
	return unprocessable(42204, "Invalid mode %q. Valid values are %s", text, strings.Join(modes(), ", "))
}
func errNotPermitted(format string, args ...any) error { return unprocessable(42205, format, args...) }
func errReferenceExists(subject string, number int) error {
	return unprocessable(42206, "One or more references exist to the schema {subject=%s,version=%d}", subject, number)
}
func errInvalidSubject(why string) error { return unprocessable(42208, "Invalid subject: %s", why) }

// errUnsupported is a request for what this registry does not keep.
func errUnsupported(what string) error {
	return fail(http.StatusNotImplemented, http.StatusNotImplemented, "%s: this registry does not keep that", what)
}

func errIncompatible(subject string, conflicts []string) error {
	return fail(http.StatusConflict, http.StatusConflict,
		"Schema being registered is incompatible with an earlier schema for subject \"%s\", details: [%s]", subject, strings.Join(conflicts, "; "))
}

func storeError(err error) error {
	return fail(http.StatusInternalServerError, 50001, "Error in the backend data store: %v", err)
}
