package letters

import "strings"

// word takes what begins with a letter or a digit: the longest thing first.
func (n *normaliser) word() {
	rest := n.s[n.i:]
	if isDigit(rest[0]) {
		if k := matchTime(rest); k > 0 {
			n.putTime(k)
			return
		}
		if k := matchIPv4(rest); k > 0 {
			n.put(someAddress, k)
			return
		}
	}
	if isHex(rest[0]) {
		if k := matchDashedHex(rest); k > 0 {
			n.put(someNumber, k)
			return
		}
		if k := matchIPv6(rest); k > 0 {
			n.put(someAddress, k)
			return
		}
	}
	if !isDigit(rest[0]) {
		if k := matchNamedDate(rest); k > 0 {
			n.putTime(k)
			return
		}
	}
	// After one of these an address would have begun before it.
	if n.i == 0 || strings.IndexByte(".-_@", n.s[n.i-1]) < 0 {
		if k, placeholder := matchAddress(rest); k > 0 {
			n.put(placeholder, k)
			return
		}
	}
	if isDigit(rest[0]) {
		n.number(rest)
		return
	}
	end := 0
	for end < len(rest) && isWord(rest[end]) {
		end++
	}
	n.plain(rest[:end])
}

// putTime takes a point in time and the zone that follows it.
func (n *normaliser) putTime(k int) {
	rest := n.s[n.i:]
	for _, zone := range []string{" UTC", " GMT", " CET", " CEST", " EST", " EDT", " PST", " PDT"} {
		if strings.HasPrefix(rest[k:], zone) && (len(rest) == k+len(zone) || !isWord(rest[k+len(zone)])) {
			k += len(zone)
			break
		}
	}
	if z := rest[k:]; len(z) >= 6 && z[0] == ' ' && (z[1] == '+' || z[1] == '-') && digits(z[2:]) == 4 {
		k += 6
	}
	n.put(someTime, k)
}

// number takes digits with what belongs to them: 0x, thousands, a fraction, an
// exponent, a version's further dots, a unit of time.
func (n *normaliser) number(rest string) {
	if len(rest) > 2 && (rest[1] == 'x' || rest[1] == 'X') && rest[0] == '0' && isHex(rest[2]) {
		k := 2
		for k < len(rest) && isHex(rest[k]) {
			k++
		}
		n.put(someNumber, k)
		return
	}
	if k := matchDuration(rest); k > 0 {
		n.put(someDuration, k)
		return
	}
	k := digits(rest)
	if k <= 3 {
		for strings.HasPrefix(rest[k:], ",") && digits(rest[k+1:]) == 3 {
			k += 4
		}
	}
	for k+1 < len(rest) && rest[k] == '.' && isDigit(rest[k+1]) {
		k += 1 + digits(rest[k+1:])
	}
	if k+1 < len(rest) && (rest[k] == 'e' || rest[k] == 'E') {
		e := k + 1
		if rest[e] == '+' || rest[e] == '-' {
			e++
		}
		if d := digits(rest[e:]); d > 0 && (e+d == len(rest) || !isWord(rest[e+d])) {
			k = e + d
		}
	}
	end := k
	for end < len(rest) && isWord(rest[end]) {
		end++
	}
	if end > k {
		n.plain(rest[:end])
		return
	}
	n.put(someNumber, k)
}

// plain takes one word without anything around it. An id, which mixes letters
// and digits or is hexadecimal, varies as a whole; of any other word the digits do.
func (n *normaliser) plain(w string) {
	letters, numbers, hex, changes := 0, 0, true, 0
	for i := range len(w) {
		if isDigit(w[i]) {
			numbers++
		} else {
			letters++
		}
		hex = hex && isHex(w[i])
		if i > 0 && isDigit(w[i]) != isDigit(w[i-1]) {
			changes++
		}
	}
	switch {
	case numbers == 0 && !(hex && len(w) >= 6 && !spelled(w)):
		n.copy(len(w))
	case numbers == 0, letters == 0, hex && len(w) >= 4, changes >= 2 && len(w) >= 6:
		n.put(someNumber, len(w))
	default:
		for i := 0; i < len(w); {
			if k := digits(w[i:]); k > 0 {
				n.out = append(n.out, someNumber...)
				i += k
				continue
			}
			n.out = append(n.out, w[i])
			i++
		}
		n.i += len(w)
	}
}

// spelled tells the English words that are written with the letters a to f
// alone, from six letters on; anything else like them is a number.
func spelled(w string) bool {
	switch strings.ToLower(w) {
	case "accede", "acceded", "beaded", "bedded", "dabbed", "decade", "deface", "defaced", "efface", "effaced", "facade", "fabaceae":
		return true
	}
	return false
}

// digits counts the digits that s begins with.
func digits(s string) int {
	k := 0
	for k < len(s) && isDigit(s[k]) {
		k++
	}
	return k
}
