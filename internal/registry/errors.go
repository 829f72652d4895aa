package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// What callers branch on; an [*Error] matches them.
var (
	// ErrNotFound is a subject, version, schema or setting that does not exist.
	ErrNotFound = errors.New("not found in the schema registry")
	// ErrIncompatible is a schema that cannot follow the ones before it.
	ErrIncompatible = errors.New("schema is incompatible with an earlier one")
	// ErrInvalid is a schema, version, level or mode that the registry does not take.
	ErrInvalid = errors.New("refused by the schema registry as invalid")
	// ErrSoftDeleted is something that was deleted softly already.
	ErrSoftDeleted = errors.New("deleted already, but not for good")
	// ErrNotSoftDeleted is something that must be deleted softly first.
	ErrNotSoftDeleted = errors.New("not deleted softly before")
	// ErrReferenced is a schema that others refer to.
	ErrReferenced = errors.New("other schemas refer to it")
	// ErrNotPermitted is what the registry's or the subject's mode forbids.
	ErrNotPermitted = errors.New("not permitted in this mode")
	// ErrUnauthorized is missing, wrong or insufficient credentials.
	ErrUnauthorized = errors.New("not permitted by the schema registry")
	// ErrUnreachable is a registry that cannot be connected to or does not answer.
	ErrUnreachable = errors.New("schema registry cannot be reached")
)

// Error is what the registry answered.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is the registry's own, such as 40401, or the status where it has none.
	Code int
	// Message is the registry's, at most a few hundred bytes. It is somebody
	// else's text: escape it before a terminal.
	Message string
	// Request is method and path.
	Request string
}

func (e *Error) Error() string {
	return fmt.Sprintf("schema registry: %s: %s (code %d)", e.Request, e.Message, e.Code)
}

// Is matches the errors of this package.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound && e.Code != 40404 && e.Code != 40405 && e.Code != 40406 && e.Code != 40407
	case ErrSoftDeleted:
		return e.Code == 40404 || e.Code == 40406
	case ErrNotSoftDeleted:
		return e.Code == 40405 || e.Code == 40407
	case ErrIncompatible:
		return e.Status == http.StatusConflict
	case ErrReferenced:
		return e.Code == 42206
	case ErrNotPermitted:
		return e.Code == 42205
	case ErrInvalid:
		return e.Status == http.StatusUnprocessableEntity && e.Code != 42205 && e.Code != 42206 || e.Status == http.StatusBadRequest
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	}
	return false
}

// maxMessage bounds what is kept of a registry's message.
const maxMessage = 2000

// readError makes the error of an answer that is not 2xx.
func readError(status int, request string, body []byte) *Error {
	e := &Error{Status: status, Code: status, Request: request}
	var answer struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
		Title   string `json:"title"`
		Detail  string `json:"detail"`
	}
	if json.Unmarshal(body, &answer) == nil {
		if answer.Code != 0 {
			e.Code = answer.Code
		}
		for _, m := range []string{answer.Message, answer.Detail, answer.Title} {
			if e.Message == "" {
				e.Message = m
			}
		}
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("HTTP status %d", status)
	}
	if len(e.Message) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(e.Message[cut]) {
			cut--
		}
		e.Message = e.Message[:cut] + "…"
	}
	e.Message = strings.ToValidUTF8(e.Message, "\ufffd")
	return e
}
