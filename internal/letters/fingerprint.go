package letters

import (
	"crypto/sha256"
	"encoding/hex"
)

// Fingerprint names the failure that a letter tells of, in 8 hexadecimal
// digits: letters with the same one failed alike. It is made of the class of
// the root cause, the message without what varies ([Normalise]) and the first
// frame of the stack that is the application's own. A letter that tells no
// error is grouped by its reason, else by the shape of its value.
func (l Letter) Fingerprint() string { return FingerprintOf(l.AppendFailure(nil)) }

// AppendFailure appends to dst what [Letter.Fingerprint] is made of. Whoever
// groups many letters looks those bytes up and need not hash them each time.
func (l Letter) AppendFailure(dst []byte) []byte {
	if l.Class == "" && l.Cause == "" && l.Message == "" && l.Stack == "" {
		dst = append(dst, "no error\x00"...)
		dst = append(dst, l.Reason...)
		dst = append(dst, 0)
		return append(dst, l.Shape...)
	}
	dst = append(dst, l.RootClass()...)
	dst = append(dst, 0)
	dst = appendNormal(dst, l.Message)
	dst = append(dst, 0)
	return append(dst, frame(l.Stack)...)
}

// FingerprintOf is the fingerprint of what [Letter.AppendFailure] gave.
func FingerprintOf(failure []byte) string {
	sum := sha256.Sum256(failure)
	return hex.EncodeToString(sum[:4])
}
