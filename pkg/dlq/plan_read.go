package dlq

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"reflect"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// maxPlanFile bounds a plan file, in bytes.
const maxPlanFile = 256 << 20

// ReadPlanFile reads a plan file. One that is malformed, has a member that no
// plan has, or was changed since it was written is [ErrInvalid]; one of a newer
// release [ErrConflict].
func ReadPlanFile(r io.Reader) (*PlanFile, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxPlanFile+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxPlanFile {
		return nil, errorf(ErrInvalid, "plan file of more than %d bytes", maxPlanFile)
	}
	members, err := strictjson.Decode(body)
	if err != nil {
		return nil, errorf(ErrInvalid, "no plan file: %v", err)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, errorf(ErrInvalid, "no plan file: %v", err)
	}
	if head.Version > planVersion {
		return nil, errorf(ErrConflict, "plan file of version %d, this manage-kafka knows %d", head.Version, planVersion)
	}
	f := &PlanFile{}
	if name := unknownMember("", members, reflect.TypeFor[PlanFile]()); name != "" {
		return nil, errorf(ErrInvalid, "plan file: unknown member %q", clip(name))
	}
	if err := json.Unmarshal(body, f); err != nil {
		return nil, errorf(ErrInvalid, "no plan file: %v", err)
	}
	if f.Version < planUnfixed || f.Queue == "" || f.Ledger == "" || !f.Action.known() || f.Action == Reopened {
		return nil, errorf(ErrInvalid, "no plan file: version, queue, ledger or action is missing or wrong")
	}
	if f.spans, err = readRanges("ranges", f.Ranges); err != nil {
		return nil, err
	}
	if f.left, err = readRanges("left", f.Left); err != nil {
		return nil, err
	}
	if err := f.checkFixed(); err != nil {
		return nil, err
	}
	return f, nil
}

func readRanges(member string, ranges map[int32]string) (map[int32][]span, error) {
	spans := map[int32][]span{}
	for part, text := range ranges {
		var err error
		if spans[part], err = decodeSpans(text); err != nil || part < 0 {
			return nil, errorf(ErrInvalid, "plan file: %s: partition %d: %v", member, part, errRanges)
		}
	}
	return spans, nil
}

// checkFixed judges what version 2 added.
func (f *PlanFile) checkFixed() error {
	const early = "plan file: unknown member %q of version %d"
	switch old := f.Version < planVersion; {
	case old && f.Fix != nil:
		return errorf(ErrInvalid, early, "fix", f.Version)
	case old && f.Left != nil:
		return errorf(ErrInvalid, early, "left", f.Version)
	case old && f.Sum != "":
		return errorf(ErrInvalid, early, "sum", f.Version)
	case old:
		return nil
	case f.Fix == nil:
		return errorf(ErrInvalid, "plan file: fix is missing")
	case f.Action != Replayed:
		return errorf(ErrInvalid, "plan file: fix of letters that are not sent")
	}
	if err := f.Fix.check(); err != nil {
		return errorf(ErrInvalid, "plan file: %v", err)
	}
	if hash := f.Fix.hash(); hash != f.Fix.Hash {
		return errorf(ErrInvalid, "plan file: fix.hash is %q, that of its changes %q: it was changed since it was written", clip(f.Fix.Hash), hash)
	}
	sum, err := f.Digest()
	if err != nil {
		return err
	}
	if sum != f.Sum {
		return errorf(ErrInvalid, "plan file: its sum is %s, not %q as it says: it was changed since it was written", sum, clip(f.Sum))
	}
	return nil
}

// Digest is a hash of all that the plan says but its Sum, as sha256- and 64
// hexadecimal digits: the same for the same plan, however its file is spaced.
// Two persons who compare it know that they have the same plan.
func (f *PlanFile) Digest() (string, error) {
	plain := *f
	plain.Sum = ""
	body, err := json.Marshal(&plain)
	if err != nil {
		return "", err
	}
	// Once more as it will be read: text that is no UTF-8 is written in another
	// way than what stands for it afterwards.
	var read PlanFile
	if err := json.Unmarshal(body, &read); err != nil {
		return "", err
	}
	if body, err = json.Marshal(&read); err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return "sha256-" + hex.EncodeToString(sum[:]), nil
}
