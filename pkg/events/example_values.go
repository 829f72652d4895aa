package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

type person struct{ name, mailbox, locale string }

func people() []person {
	return []person{
		{"Ada Lovelace", "ada.lovelace", "en-GB"}, {"Grace Hopper", "grace.hopper", "en-US"}, {"Jürgen Müller", "juergen.mueller", "de-DE"},
		{"Nguyễn Thị Lan", "lan.nguyen", "vi-VN"}, {"李小龙", "xiaolong.li", "zh-CN"}, {"Zoë O'Brien", "zoe.obrien", "en-IE"},
		{"Fatima al-Fihri", "fatima", "ar-MA"}, {"Søren Kjær", "soren", "da-DK"}, {"María José Pérez", "mj.perez", "es-MX"},
		{"Олена Коваль", "olena.koval", "uk-UA"}, {"Kwame Mensah", "kwame+work", "en-GH"}, {"Yuki Tanaka", "y.tanaka", "ja-JP"},
	}
}

type company struct{ name, slug, host string }

func companies() []company {
	return []company{
		{"Acme Corporation", "acme", "acme.example"}, {"Globex", "globex", "globex.example"}, {"Initech", "initech", "mail.initech.example"},
		{"Müller & Söhne GmbH", "mueller_soehne", "mueller-soehne.example"}, {"Công ty Sao Mai", "sao_mai", "saomai.example"},
		{"Hooli", "hooli", "hooli.example"}, {`The "Quoted" Company`, "quoted", "quoted.example"}, {"Umbrella Health", "umbrella_health", "umbrella.example"},
		{"Stark Industries", "_stark", "stark.example"}, {"東京商事株式会社", "tokyo_shoji", "shoji.example"},
	}
}

// reference offers ids and names that hang together within one example.
func (s *stage) reference(name string) (string, bool) {
	about := s.entry.Domain()
	switch name {
	case "id":
		if about == "tenant" {
			return s.tenant, true
		}
		return s.user, true
	case "userId", "recipientUserId", "viewerId":
		return s.user, true
	case "packageId", "oldPackageId", "newPackageId":
		return "package-" + pick(s, []string{"free", "starter", "standard", "professional", "enterprise"}), true
	case "templateId":
		return pick(s, []string{"welcome", "password-reset", "invoice-issued", "payment-failed", "weekly-digest"}), true
	case "name":
		return s.company.name, true
	case "schemaName":
		return s.company.slug, true
	case "billingEmail":
		return pick(s, []string{"billing@", "accounts@", "ap.invoices@"}) + s.company.host, true
	case "email", "recipientEmail":
		return s.person.mailbox + "@" + s.company.host, true
	case "displayName":
		return s.person.name, true
	case "locale":
		return s.person.locale, true
	case "storageKey":
		return fmt.Sprintf("tenants/%s/files/%s", s.tenant, s.id()), true
	case "identifierHash":
		sum := sha256.Sum256([]byte(s.person.mailbox + s.tenant))
		return hex.EncodeToString(sum[:]), true
	case "invoiceNumber":
		return fmt.Sprintf("INV-%d-%05d", s.now.Year(), s.rand.IntN(100_000)), true
	case "providerMessageId":
		return "<" + s.id() + "@mail.example>", true
	case "engineVersion":
		return fmt.Sprintf("1.%d.%d", s.rand.IntN(5), s.rand.IntN(20)), true
	}
	if name != "externalId" && (strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "By")) {
		if strings.HasSuffix(name, "By") {
			return s.peer, true
		}
		return s.id(), true
	}
	return "", false
}

// quantity offers numbers of the size that they have in real events.
func (s *stage) quantity(name string) (json.RawMessage, bool) {
	most := map[string]int{
		"amount": 500_000, "unitAmount": 50_000, "taxAmount": 90_000, "quantity": 20, "sizeBytes": 50_000_000, "bytes": 50_000_000,
		"durationMs": 60_000, "rowCount": 100_000, "attempt": 5, "attemptNumber": 4, "attemptCount": 5, "failedAttempts": 10,
	}[name]
	if most > 0 {
		return encode(1 + s.rand.IntN(most)), true
	}
	switch name {
	case "windowSeconds":
		return encode(pick(s, []int{60, 300, 3600})), true
	case "value", "previousValue":
		return encode(float64(s.rand.IntN(1_000_000)) / 100), true
	}
	return nil, false
}

// whole offers objects and lists whose parts belong together.
func (s *stage) whole(name string, m *schema.Schema) (json.RawMessage, bool) {
	switch {
	case name == "changes" && s.entry.Name == "tenant.updated":
		return s.changes([]string{"name", "region", "plan", "billingEmail"}, map[string][2]any{
			"name": {"Old name", s.company.name}, "region": {"eu-west-1", "eu-central-1"},
			"plan": {nil, "monthly"}, "billingEmail": {"old@" + s.company.host, "billing@" + s.company.host},
		}), true
	case name == "changes" && s.entry.Name == "user.updated":
		return s.changes([]string{"roles", "status", "authProvider", "locale", "timeZone"}, map[string][2]any{
			"roles": {[]string{"member"}, []string{"member", "billing"}}, "status": {"invited", "active"}, "locale": {"en-GB", s.person.locale},
			"authProvider": {"password", "sso"}, "timeZone": {"Europe/London", "Europe/Berlin"},
		}), true
	case name == "updatedFields" && m.Types == schema.Array:
		if s.entry.Name == "user.updated" {
			s.changed = []string{pick(s, []string{"displayName", "email", "phone"})}
		}
		if len(s.changed) == 0 {
			s.changed = []string{"settings"}
		}
		return encode(s.changed), true
	case name == "variables":
		return encode(map[string]any{"firstName": s.person.name, "company": s.company.name, "items": 1 + s.rand.IntN(5)}), true
	case name == "dimensions":
		return encode(map[string]string{"region": pick(s, wordsFor("region")), "plan": pick(s, wordsFor("plan"))}), true
	case name == "properties":
		return encode(map[string]any{"page": pick(s, wordsFor("actionUrl")), "first": s.rand.IntN(2) == 0, "items": s.rand.IntN(50), "campaign": nil}), true
	case name == "checksum":
		sum := sha256.Sum256([]byte(s.id()))
		return encode(map[string]string{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])}), true
	}
	return nil, false
}

// changes picks some of the fields and remembers their names.
func (s *stage) changes(fields []string, values map[string][2]any) json.RawMessage {
	out := map[string]map[string]any{}
	for _, i := range s.rand.Perm(len(fields))[:1+s.rand.IntN(len(fields))] {
		field := fields[i]
		s.changed = append(s.changed, field)
		out[field] = map[string]any{"to": values[field][1]}
		if from := values[field][0]; from != nil {
			out[field]["from"] = from
		}
	}
	return encode(out)
}

func wordsFor(name string) []string {
	switch name {
	case "initialModules", "addedModules", "removedModules":
		return []string{"crm", "hrm", "billing", "inventory", "helpdesk", "analytics"}
	case "roles", "role", "previousRoles":
		return []string{"owner", "admin", "member", "billing", "viewer"}
	case "region":
		return []string{"eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-1"}
	case "plan":
		return []string{"monthly", "yearly", "trial"}
	case "scope":
		return []string{"tenant", "project:website", "module:crm"}
	case "ipAddress":
		return []string{"192.0.2.17", "198.51.100.4", "203.0.113.250", "2001:db8::8a2e:370:7334", "2001:db8:85a3::1"}
	case "userAgent":
		return []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
			"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "curl/8.5.0"}
	case "currency":
		return []string{"EUR", "USD", "GBP", "VND", "JPY"}
	case "provider":
		return []string{"stripe", "adyen", "sendgrid", "ses", "mailgun"}
	case "category":
		return []string{"billing", "security", "product", "digest"}
	case "severity":
		return []string{"info", "warning", "critical"}
	case "title":
		return []string{"Your invoice is ready", "New sign-in to your account", "Bericht fertig", "Báo cáo đã sẵn sàng", "Payment failed ⚠"}
	case "body", "feedback", "description", "reason":
		return []string{"Requested by the customer.", "Please check your payment details.", "3 seats, yearly", "Line one\nline two", "Zu teuer für uns – danke!"}
	case "actionUrl":
		return []string{"/invoices", "/settings/security?from=mail", "/reports/42#summary", "/"}
	case "errorCode":
		return []string{"550", "mailbox_full", "spam_block", "timeout"}
	case "smtpStatus":
		return []string{"550 5.1.1", "452 4.2.2", "421 4.7.0"}
	case "providerReference":
		return []string{"pi_3PKx2e", "psp-88371203", "tr_WDqYK6vllg"}
	}
	return moreWords(name)
}

func moreWords(name string) []string {
	switch name {
	case "fileName":
		return []string{"report-q3.pdf", "Übersicht 2026.xlsx", "hóa đơn.docx", "photo.jpg", "export.csv"}
	case "contentType":
		return []string{"application/pdf", "image/jpeg", "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
	case "engine":
		return []string{"clamav", "defender"}
	case "signature":
		return []string{"Eicar-Test-Signature", "Win.Test.EICAR_HDB-1"}
	case "action":
		return []string{"page_view", "export_started", "record_created", "search"}
	case "resourceType":
		return []string{"invoice", "contact", "report", "file"}
	case "reportType":
		return []string{"revenue", "usage", "churn", "audit"}
	case "metricName":
		return []string{"active_users", "api_requests", "storage_used_bytes", "mrr_minor_units"}
	case "unit":
		return []string{"1", "By", "ms", "%"}
	}
	return nil
}
