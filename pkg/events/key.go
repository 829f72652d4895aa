package events

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A KeyRule says where an event's key is found, as one or more alternatives
// joined by "|", of which the first whose members are all there is taken. An
// alternative is one JSON pointer into the envelope or several joined by ":",
// as are the values then: "/data/id|/tenantId:/data/identifierHash". Where no
// alternative fits, the key is the tenant's id, else the event's.
type KeyRule string

// builtinKey is the subject of a built-in type: what its events are about.
// Events of one subject stay in order, and the many of one tenant spread.
func builtinKey(name string) KeyRule {
	domain, _, _ := strings.Cut(name, ".")
	switch name {
	case "user.login_failed":
		return "/data/id|/tenantId:/data/identifierHash"
	case "notification.in_app_created", "notification.in_app_read":
		return "/data/recipientUserId"
	case "analytics.user_activity_recorded":
		return "/data/userId"
	case "analytics.report_generated":
		return "/data/reportId"
	case "analytics.metric_updated":
		return "/data/metricName"
	}
	switch domain {
	case "billing":
		return "/tenantId"
	case "notification":
		return "/data/notificationId"
	case "file":
		return "/data/fileId"
	}
	return "/data/id"
}

// needsTenant reports whether the envelope of a type must name its tenant: it
// does where the key is the tenant.
func (k KeyRule) needsTenant() bool { return k == "/tenantId" }

func (k KeyRule) alternatives() [][]string {
	if k == "" {
		return nil
	}
	var list [][]string
	for _, alternative := range strings.Split(string(k), "|") {
		pointers := strings.Split(alternative, ":/")
		for i := 1; i < len(pointers); i++ {
			pointers[i] = "/" + pointers[i]
		}
		list = append(list, pointers)
	}
	return list
}

// check refuses a rule that could never find a key.
func (k KeyRule) check() error {
	for _, pointers := range k.alternatives() {
		for _, p := range pointers {
			m := memberOf([]byte(strings.TrimPrefix(p, "/")))
			if !strings.HasPrefix(p, "/data/") && (!strings.HasPrefix(p, "/") || m == memberOther || m == memberData) {
				return fmt.Errorf("key %s: %s is no JSON pointer to a member of the envelope or of /data, such as /data/id", quote(string(k)), quote(p))
			}
		}
	}
	return nil
}

// direct returns the members of the data that the rule reads, when it reads
// none below them: those can be caught while the data is checked.
func (k KeyRule) direct() ([]string, bool) {
	var names []string
	for _, pointers := range k.alternatives() {
		for _, p := range pointers {
			name, ok := strings.CutPrefix(p, "/data/")
			if !ok {
				continue
			}
			if strings.ContainsAny(name, "/~") {
				return nil, false
			}
			names = append(names, name)
		}
	}
	return names, true
}

// a plan is a rule taken apart once, for many events.
type plan struct {
	rule         KeyRule
	alternatives [][]string
	caught       []string
}

func newPlan(rule KeyRule) plan {
	p := plan{rule: rule, alternatives: rule.alternatives()}
	if names, ok := rule.direct(); ok && len(names) <= 2 {
		p.caught = names
	}
	return p
}

// key appends the key to dst. lookup gives the text of a pointer below /data.
func (p *plan) key(dst []byte, h *head, lookup func(pointer string) []byte) []byte {
	for _, pointers := range p.alternatives {
		start := len(dst)
		for i, pointer := range pointers {
			text := h.member(pointer[1:])
			if strings.HasPrefix(pointer, "/data/") {
				text = lookup(pointer)
			}
			if len(text) == 0 {
				dst = dst[:start]
				break
			}
			if i > 0 {
				dst = append(dst, ':')
			}
			dst = append(dst, text...)
		}
		if len(dst) > start {
			return dst
		}
	}
	if h.has(memberTenant) && len(h.text[memberTenant]) > 0 {
		return append(dst, h.text[memberTenant]...)
	}
	return append(dst, h.text[memberID]...)
}

func (h *head) member(name string) []byte {
	m := memberOf([]byte(name))
	if m == memberOther || m == memberData || !h.has(m) {
		return nil
	}
	return h.text[m]
}

// find returns the text of the string or number that pointer leads to below
// data, nil when there is none. pointer starts with /data/.
func find(data []byte, pointer string) []byte {
	v, err := strictjson.Decode(data)
	if err != nil {
		return nil
	}
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/data/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[token]
	}
	switch v := v.(type) {
	case string:
		return []byte(v)
	case json.Number:
		return []byte(v)
	}
	return nil
}
