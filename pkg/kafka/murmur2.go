package kafka

// Murmur2 is the hash that Java's and kafkajs's default partitioner use, bit
// for bit: org.apache.kafka.common.utils.Utils.murmur2.
func Murmur2(key []byte) int32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return int32(h)
}

// PartitionFor is the partition that Java and kafkajs clients give a key that
// is not null in a topic of n partitions; n is at least 1.
func PartitionFor(key []byte, n int32) int32 {
	return (Murmur2(key) & 0x7fffffff) % n
}
