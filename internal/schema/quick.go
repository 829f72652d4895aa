package schema

// The functions here say yes to the common spelling of a format and no to
// everything else, valid or not. A no is not a verdict: the full check decides.

// QuickDateTime reports whether b is an RFC 3339 time of the usual kind:
// upper-case letters, no leap second.
func QuickDateTime(b []byte) bool {
	if len(b) < 20 || b[10] != 'T' || !QuickDate(b[:10]) {
		return false
	}
	h, okH := two(b[11:])
	m, okM := two(b[14:])
	s, okS := two(b[17:])
	if !okH || !okM || !okS || b[13] != ':' || b[16] != ':' || h > 23 || m > 59 || s > 59 {
		return false
	}
	rest := b[19:]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
		if n == 1 || n > 10 {
			return false
		}
		rest = rest[n:]
	}
	if len(rest) == 1 {
		return rest[0] == 'Z'
	}
	if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
		return false
	}
	h, okH = two(rest[1:])
	m, okM = two(rest[4:])
	return okH && okM && h < 24 && m < 60
}

// QuickDate reports whether b is a date that exists in every year.
func QuickDate(b []byte) bool {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return false
	}
	_, okC := two(b)
	_, okY := two(b[2:])
	m, okM := two(b[5:])
	d, okD := two(b[8:])
	if !okC || !okY || !okM || !okD || m < 1 || m > 12 || d < 1 {
		return false
	}
	switch m {
	case 2:
		return d <= 28
	case 4, 6, 9, 11:
		return d <= 30
	}
	return d <= 31
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func two(b []byte) (int, bool) {
	return int(b[0]-'0')*10 + int(b[1]-'0'), isDigit(b[0]) && isDigit(b[1])
}

func quickEmail(b []byte) bool {
	at := -1
	for i, c := range b {
		if c == '@' {
			at = i
			break
		}
		dot := c == '.' && i > 0 && b[i-1] != '.'
		if !dot && !isAlnum(c) && c != '_' && c != '-' && c != '+' {
			return false
		}
	}
	return at > 0 && at <= 64 && b[at-1] != '.' && len(b) <= 254 && quickHost(b[at+1:])
}

func quickHost(b []byte) bool {
	if len(b) > 253 {
		return false
	}
	label := 0
	for i, c := range b {
		switch {
		case isAlnum(c):
		case c == '-' && label > 0:
		case c == '.' && label > 0 && b[i-1] != '-':
			label = 0
			continue
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0 && b[len(b)-1] != '-'
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)
}

func quickIPv4(b []byte) bool {
	parts, n, width := 1, 0, 0
	for _, c := range b {
		switch {
		case c == '.' && width > 0:
			parts, n, width = parts+1, 0, 0
		case isDigit(c) && (width == 0 || n > 0):
			n, width = n*10+int(c-'0'), width+1
			if n > 255 {
				return false
			}
		default:
			return false
		}
	}
	return parts == 4 && width > 0
}

// quickIPv6 takes eight groups written out, and one "::" for at least two.
func quickIPv6(b []byte) bool {
	groups, width, gap := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == ':' && i+1 < len(b) && b[i+1] == ':' && !gap && (width > 0 || i == 0):
			gap, width = true, 0
			i++
		case c == ':' && width > 0 && i+1 < len(b):
			width = 0
		case isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			if width == 0 {
				groups++
			}
			if width++; width > 4 {
				return false
			}
		default:
			return false
		}
	}
	return gap && groups <= 6 || !gap && groups == 8
}

func quickUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// quickFormat returns the check for a format, nil where there is none.
func quickFormat(name string) func([]byte) bool {
	switch name {
	case "date-time":
		return QuickDateTime
	case "date":
		return QuickDate
	case "email":
		return quickEmail
	case "ipv4":
		return quickIPv4
	case "ipv6":
		return quickIPv6
	case "uuid":
		return quickUUID
	}
	return nil
}
