package topics

import (
	"math"
	"slices"
)

// kind is the type of a setting's value in Kafka's ConfigDef.
type kind int

const (
	kindInt kind = iota
	kindLong
	kindDouble
	kindBool
	kindString
	kindList
	kindReplicas
)

// Setting is one topic setting that Kafka 4.3 knows.
type Setting struct {
	// Name is Kafka's, such as retention.ms.
	Name string
	// Values are what a choice or a list may hold; nil for other types.
	Values []string

	kind     kind
	min, max float64
	also     float64 // a value outside min and max that is allowed, or NaN
}

// bounded is a number from min up to and including max.
func bounded(name string, k kind, least, most float64) Setting {
	return Setting{Name: name, kind: k, min: least, max: most, also: math.NaN()}
}

func atLeast(name string, k kind, least float64) Setting {
	return bounded(name, k, least, math.Inf(1))
}

func flag(name string) Setting { return Setting{Name: name, kind: kindBool} }

func choice(name string, values ...string) Setting {
	return Setting{Name: name, kind: kindString, Values: values}
}

// Settings lists every public topic setting of Kafka 4.3.1, by name, with the
// range that org.apache.kafka.storage.internals.log.LogConfig gives it.
func Settings() []Setting {
	gzip := bounded("compression.gzip.level", kindInt, 1, 9)
	gzip.also = -1
	return []Setting{
		{Name: "cleanup.policy", kind: kindList, Values: []string{"compact", "delete"}},
		gzip,
		bounded("compression.lz4.level", kindInt, 1, 17),
		choice("compression.type", "uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
		bounded("compression.zstd.level", kindInt, -131072, 22),
		atLeast("delete.retention.ms", kindLong, 0),
		atLeast("file.delete.delay.ms", kindLong, 0),
		atLeast("flush.messages", kindLong, 1),
		atLeast("flush.ms", kindLong, 0),
		{Name: "follower.replication.throttled.replicas", kind: kindReplicas},
		atLeast("index.interval.bytes", kindInt, 0),
		{Name: "leader.replication.throttled.replicas", kind: kindReplicas},
		atLeast("local.retention.bytes", kindLong, -2),
		atLeast("local.retention.ms", kindLong, -2),
		atLeast("max.compaction.lag.ms", kindLong, 1),
		atLeast("max.message.bytes", kindInt, 0),
		atLeast("message.timestamp.after.max.ms", kindLong, 0),
		atLeast("message.timestamp.before.max.ms", kindLong, 0),
		choice("message.timestamp.type", "CreateTime", "LogAppendTime"),
		bounded("min.cleanable.dirty.ratio", kindDouble, 0, 1),
		atLeast("min.compaction.lag.ms", kindLong, 0),
		atLeast("min.insync.replicas", kindInt, 1),
		flag("preallocate"),
		flag("remote.log.copy.disable"),
		flag("remote.log.delete.on.disable"),
		flag("remote.storage.enable"),
		atLeast("retention.bytes", kindLong, math.Inf(-1)),
		atLeast("retention.ms", kindLong, -1),
		atLeast("segment.bytes", kindInt, 1<<20),
		atLeast("segment.index.bytes", kindInt, 4),
		atLeast("segment.jitter.ms", kindLong, 0),
		atLeast("segment.ms", kindLong, 1),
		flag("unclean.leader.election.enable"),
	}
}

// SettingNames lists the names of [Settings].
func SettingNames() []string {
	settings := Settings()
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	return names
}

func findSetting(name string) (Setting, bool) {
	settings := Settings()
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return settings[i], true
}

// brokerDecides tells the settings that this table does not hold and that some
// broker accepts: of Kafka before 4.0, and of other makers' brokers.
func brokerDecides(name string) bool {
	switch name {
	case "message.format.version", "message.timestamp.difference.max.ms", "message.downconversion.enable",
		"internal.segment.bytes", "write.caching", "initial.retention.local.target.bytes", "initial.retention.local.target.ms":
		return true
	}
	for _, prefix := range []string{"confluent.", "redpanda.", "warpstream.", "automq.", "inkless.", "diskless."} {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}
