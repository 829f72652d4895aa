package letters

import "strings"

// matchAddress tells a URL, an e-mail address or a host name that s begins
// with, and how long it is; 0 for none.
func matchAddress(s string) (int, string) {
	end, colon, at, dot := 0, -1, -1, -1
	for end < min(len(s), maxChunk) && !isBreak(s[end]) && s[end] != '=' {
		switch s[end] {
		case ':':
			if strings.HasPrefix(s[end:], "://") && end > 1 {
				for end < len(s) && s[end] > ' ' && s[end] != 0x7f && strings.IndexByte("\"'`<>", s[end]) < 0 {
					end++
				}
				return len(strings.TrimRight(s[:end], ".,:;!?)]}")), someURL
			}
			if colon < 0 {
				colon = end
			}
		case '@':
			if at < 0 {
				at = end
			}
		case '.':
			dot = end
		}
		end++
	}
	if dot < 0 {
		return 0, ""
	}
	if at > 0 {
		if k := matchHost(s[at+1:end], false); k > 0 && isMailbox(s[:at]) {
			return at + 1 + k, someEmail
		}
		return 0, ""
	}
	if k := matchHost(s[:end], true); k > 0 {
		return k, someHost
	}
	return 0, ""
}

func isMailbox(s string) bool {
	for i := range len(s) {
		if !isWord(s[i]) && strings.IndexByte(".!#$%&*+/?^_{|}~-", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// matchHost measures a name of at least two labels; strict wants an ending
// that only hosts have, or else every package and file would be one.
func matchHost(s string, strict bool) int {
	end := 0
	for end < len(s) && (isWord(s[end]) && s[end] < 0x80 || s[end] == '-' || s[end] == '.') {
		end++
	}
	if end < len(s) && s[end] == '_' {
		return 0
	}
	name := strings.TrimRight(s[:end], ".-")
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name) > 253 || len(name)-i < 3 {
		return 0
	}
	last := name[i+1:]
	if digits(last) > 0 || strict && !hostEnding(last) {
		return 0
	}
	return len(name)
}

func hostEnding(label string) bool {
	switch label {
	case "com", "net", "org", "io", "dev", "app", "cloud", "edu", "gov", "info", "biz",
		"local", "localdomain", "internal", "intranet", "corp", "lan", "svc", "test", "example", "invalid",
		"de", "uk", "eu", "us", "fr", "nl", "ch", "ca", "au", "jp", "cn":
		return true
	}
	return false
}

// matchDashedHex measures a UUID or a traceparent.
func matchDashedHex(s string) int {
	for _, form := range [][]int{{8, 4, 4, 4, 12}, {2, 32, 16, 2}} {
		k := 0
		for i, want := range form {
			if i > 0 {
				if k >= len(s) || s[k] != '-' {
					k = -1
					break
				}
				k++
			}
			n := 0
			for k+n < len(s) && isHex(s[k+n]) && n <= want {
				n++
			}
			if n != want {
				k = -1
				break
			}
			k += n
		}
		if k > 0 && (k == len(s) || !isWord(s[k])) {
			return k
		}
	}
	return 0
}

func matchIPv4(s string) int {
	k := 0
	for i := range 4 {
		if i > 0 {
			if k >= len(s) || s[k] != '.' {
				return 0
			}
			k++
		}
		n := digits(s[k:])
		if n < 1 || n > 3 {
			return 0
		}
		k += n
	}
	if k < len(s) && (isWord(s[k]) || s[k] == '.' && k+1 < len(s) && isDigit(s[k+1])) {
		return 0
	}
	return k
}

// matchIPv6 wants all eight groups or a "::".
func matchIPv6(s string) int {
	k, colons := 0, 0
	for k < min(len(s), 46) && (isHex(s[k]) || s[k] == ':') {
		if s[k] == ':' {
			colons++
		}
		k++
	}
	text := s[:k]
	if k < len(s) && isWord(s[k]) || k < 3 || colons > 7 || colons != 7 && !strings.Contains(text, "::") {
		return 0
	}
	return len(strings.TrimRight(text, ":"))
}

// matchTime measures a date, a time of day or both, as ISO 8601 and logs write them.
func matchTime(s string) int {
	k := matchDate(s)
	if k == 0 {
		return matchClock(s)
	}
	if k < len(s) && (s[k] == 'T' || s[k] == ' ' || s[k] == '_') {
		if c := matchClock(s[k+1:]); c > 0 {
			return k + 1 + c
		}
	}
	if k < len(s) && isWord(s[k]) {
		return 0
	}
	return k
}

// matchDate measures 2026-11-23, 2026/11/23, 23.11.2026, 11/23/2026 and 23 Nov 2026.
func matchDate(s string) int {
	n := digits(s)
	if n != 4 && n != 2 && n != 1 || n >= len(s) {
		return 0
	}
	sep := s[n]
	if sep == ' ' || sep == '-' {
		if n <= 2 && len(s) >= n+9 && isMonth(s[n+1:n+4]) && s[n+4] == sep && digits(s[n+5:]) == 4 {
			return n + 9
		}
	}
	if sep != '-' && sep != '/' && sep != '.' {
		return 0
	}
	m := digits(s[n+1:])
	k := n + 1 + m
	if m < 1 || m > 2 || k >= len(s) || s[k] != sep {
		return 0
	}
	d := digits(s[k+1:])
	if n == 4 && (d == 1 || d == 2) && sep != '.' || n <= 2 && d == 4 {
		return k + 1 + d
	}
	return 0
}

// matchClock measures 09:12, 09:12:01, a fraction and a zone.
func matchClock(s string) int {
	if digits(s) != 2 || len(s) < 5 || s[2] != ':' || digits(s[3:]) != 2 {
		return 0
	}
	k := 5
	if len(s) >= 8 && s[5] == ':' && digits(s[6:]) == 2 {
		k = 8
		if len(s) > 9 && (s[8] == '.' || s[8] == ',') && isDigit(s[9]) {
			k = 9 + digits(s[9:])
		}
	}
	switch {
	case k < len(s) && s[k] == 'Z':
		k++
	case k+6 <= len(s) && (s[k] == '+' || s[k] == '-') && digits(s[k+1:]) == 2 && s[k+3] == ':' && digits(s[k+4:]) == 2:
		k += 6
	case k+5 <= len(s) && (s[k] == '+' || s[k] == '-') && digits(s[k+1:]) == 4:
		k += 5
	}
	if k < len(s) && (isWord(s[k]) || s[k] == ':') {
		return 0
	}
	return k
}

// matchNamedDate measures what begins with a day or month of a date: "Mon, 23
// Nov 2026", "Mon Nov 23", "Nov 23, 2026".
func matchNamedDate(s string) int {
	if len(s) < 6 {
		return 0
	}
	if isWeekday(s[:3]) {
		k := 3
		if s[k] == ',' {
			k++
		}
		if s[k] != ' ' {
			return 0
		}
		k++
		if d := max(matchDate(s[k:]), matchMonthDay(s[k:])); d > 0 {
			return k + d
		}
		return 0
	}
	return matchMonthDay(s)
}

// matchMonthDay measures "Nov 23", "Nov 23, 2026" and "Nov 23 2026".
func matchMonthDay(s string) int {
	if len(s) < 5 || !isMonth(s[:3]) || s[3] != ' ' {
		return 0
	}
	k := 4
	if s[k] == ' ' { // a day of one digit is padded in logs
		k++
	}
	d := digits(s[k:])
	if d < 1 || d > 2 {
		return 0
	}
	k += d
	for _, sep := range []string{", ", " "} {
		if strings.HasPrefix(s[k:], sep) && digits(s[k+len(sep):]) == 4 {
			return k + len(sep) + 4
		}
	}
	if k < len(s) && isWord(s[k]) {
		return 0
	}
	return k
}

func isMonth(s string) bool {
	switch s {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

func isWeekday(s string) bool {
	switch s {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// matchDuration measures 950ms, 1.5s, 1m30s: numbers each with a unit of time.
func matchDuration(s string) int {
	k := 0
	for {
		n := digits(s[k:])
		if n == 0 {
			break
		}
		if k+n+1 < len(s) && s[k+n] == '.' && isDigit(s[k+n+1]) {
			n += 1 + digits(s[k+n+1:])
		}
		u := unit(s[k+n:])
		if u == 0 {
			return 0
		}
		k += n + u
	}
	if k < len(s) && isWord(s[k]) || k >= 4 && allHex(s[:k]) {
		return 0 // 914d518d is no 914 days
	}
	return k
}

func allHex(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func unit(s string) int {
	for _, u := range []string{"ns", "us", "µs", "ms", "msec", "min", "mins", "secs", "sec", "s", "m", "h", "d"} {
		if strings.HasPrefix(s, u) && (len(s) == len(u) || !isWord(s[len(u)]) || isDigit(s[len(u)])) {
			return len(u)
		}
	}
	return 0
}
