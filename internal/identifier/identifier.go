// Package identifier turns the names of the event contract into those of
// programming languages.
package identifier

import "strings"

// IsWord reports whether a rune may stand in an identifier of any language.
func IsWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// words takes a name apart: tenant.package_changed, packageId.
func words(name string) []string {
	var list []string
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !IsWord(r) }) {
		start := 0
		for i := 1; i < len(part); i++ {
			if part[i] >= 'A' && part[i] <= 'Z' && (part[i-1] < 'A' || part[i-1] > 'Z') {
				list = append(list, part[start:i])
				start = i
			}
		}
		list = append(list, part[start:])
	}
	return list
}

// Go is a name as an exported Go identifier: TenantPackageChanged, PackageID.
func Go(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		switch lower := strings.ToLower(w); lower {
		case "id", "ip", "url", "mfa", "sso", "totp", "sms", "csv", "pdf", "json":
			b.WriteString(strings.ToUpper(w))
		default:
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	if s := b.String(); s == "" || s[0] >= '0' && s[0] <= '9' {
		return "X" + s
	}
	return b.String()
}

// Pascal is a name as a TypeScript type: TenantPackageChanged.
func Pascal(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// Constant is what comes after a type's domain, as a constant:
// PACKAGE_CHANGED.
func Constant(name string) string {
	_, event, _ := strings.Cut(name, ".")
	return strings.ToUpper(strings.Join(words(event), "_"))
}
