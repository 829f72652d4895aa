package eventbus

// doneBits are the offsets behind a committed one that were done already.
type doneBits struct{ offsets map[int64]struct{} }

// has tells whether the record at the offset was done.
func (d *doneBits) has(offset int64) bool {
	if d == nil {
		return false
	}
	_, ok := d.offsets[offset]
	return ok
}

func (c *claim) notes() string { return "" }

func (c *claim) restore() error { return nil }
