package topics

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

// CheckConfig tells whether Kafka 4.3 accepts these settings for a topic. It
// reports every wrong one, each as [ErrInvalidConfig], with the nearest names
// for one that is unknown. Settings that only older brokers or other makers'
// (confluent.*, redpanda.* …) know pass: the broker decides about them.
func CheckConfig(config map[string]string) error {
	var bad []error
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if err := checkSetting(name, config[name]); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	return checkTogether(config)
}

// checkTogether holds the rules of Kafka that span two settings.
func checkTogether(config map[string]string) error {
	low, okLow := parseInteger(config["min.compaction.lag.ms"], 64)
	high, okHigh := parseInteger(config["max.compaction.lag.ms"], 64)
	if okLow && okHigh && low > high {
		return fmt.Errorf("%w: min.compaction.lag.ms=%d is above max.compaction.lag.ms=%d", ErrInvalidConfig, low, high)
	}
	return nil
}

func checkSetting(name, value string) error {
	s, ok := findSetting(name)
	if !ok {
		if brokerDecides(name) {
			return nil
		}
		return unknownSetting(name)
	}
	if want := s.check(strings.TrimSpace(value)); want != "" {
		return fmt.Errorf("%w: %s=%q: want %s", ErrInvalidConfig, name, clip(value), want)
	}
	return nil
}

func unknownSetting(name string) error {
	near := spelling.Nearest(name, SettingNames())
	if len(near) == 0 {
		return fmt.Errorf("%w: %q is not a setting of Kafka's", ErrInvalidConfig, clip(name))
	}
	return fmt.Errorf("%w: %q is not a setting of Kafka's; did you mean %s?", ErrInvalidConfig, clip(name), strings.Join(near, " or "))
}

// Want says in words what values the setting takes.
func (s Setting) Want() string {
	switch s.kind {
	case kindBool:
		return "true or false"
	case kindString:
		return "one of " + strings.Join(s.Values, ", ")
	case kindList:
		return strings.Join(s.Values, ", ") + ", or both joined by a comma"
	case kindReplicas:
		return "* or a list partition:broker,partition:broker"
	}
	return s.wantNumber()
}

// Choices are the values to choose from, none where a number or a list is free.
func (s Setting) Choices() []string {
	if s.kind == kindBool {
		return []string{"true", "false"}
	}
	return s.Values
}

// check gives what the setting wants when value is not it, else "".
func (s Setting) check(value string) string {
	switch s.kind {
	case kindBool:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return s.Want()
		}
	case kindString:
		if !slices.Contains(s.Values, value) {
			return s.Want()
		}
	case kindList:
		return s.checkList(value)
	case kindReplicas:
		return s.checkReplicas(value)
	default:
		return s.checkNumber(value)
	}
	return ""
}

func (s Setting) checkNumber(value string) string {
	var n float64
	var ok bool
	switch s.kind {
	case kindDouble:
		n, ok = parseDouble(value)
	case kindInt:
		i, fine := parseInteger(value, 32)
		n, ok = float64(i), fine
	default:
		i, fine := parseInteger(value, 64)
		n, ok = float64(i), fine
	}
	// NaN passes Kafka's own range check, and so it does here.
	if ok && n == s.also || ok && !(n < s.min) && !(n > s.max) {
		return ""
	}
	return s.wantNumber() + s.inUnits(value)
}

func (s Setting) wantNumber() string {
	what := "a whole number"
	switch s.kind {
	case kindDouble:
		what = "a number"
	case kindInt:
		what = "a whole number below 2^31"
	}
	least, most := strconv.FormatFloat(s.min, 'f', -1, 64), strconv.FormatFloat(s.max, 'f', -1, 64)
	switch {
	case !math.IsInf(s.max, 1):
		what = strings.TrimSuffix(what, " below 2^31") + " from " + least + " to " + most
	case !math.IsInf(s.min, -1):
		what += ", at least " + least
	}
	if !math.IsNaN(s.also) && s.also != 0 {
		what += ", or " + strconv.FormatFloat(s.also, 'f', -1, 64)
	}
	return what
}

// inUnits helps a person who wrote 7d or 5MB where Kafka takes a bare number.
func (s Setting) inUnits(value string) string {
	if strings.HasSuffix(s.Name, ".ms") {
		if d, ok := parseSpan(value); ok {
			return fmt.Sprintf(" (%s in milliseconds is %d)", value, d.Milliseconds())
		}
	}
	if strings.HasSuffix(s.Name, ".bytes") {
		if n, ok := parseSize(value); ok {
			return fmt.Sprintf(" (%s in bytes is %d)", value, n)
		}
	}
	return ""
}

func parseSpan(value string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(value, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(value)
	return d, err == nil && d >= 0
}

func parseSize(value string) (uint64, bool) {
	upper := strings.ToUpper(strings.TrimSpace(value))
	for i, unit := range []string{"K", "M", "G"} {
		for _, suffix := range []string{unit + "IB", unit + "B", unit} {
			if digits, ok := strings.CutSuffix(upper, suffix); ok {
				n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
				return n << (10 * (i + 1)), err == nil
			}
		}
	}
	return 0, false
}

// checkList follows ValidList: entries are split at commas, none is empty, and
// the empty list, which since 4.1 means "keep for ever", is allowed.
func (s Setting) checkList(value string) string {
	if value == "" {
		return ""
	}
	for item := range strings.SplitSeq(value, ",") {
		if !slices.Contains(s.Values, strings.TrimSpace(item)) {
			return s.Want()
		}
	}
	return ""
}

func (s Setting) checkReplicas(value string) string {
	if value == "" || value == "*" {
		return ""
	}
	for item := range strings.SplitSeq(value, ",") {
		partition, broker, ok := strings.Cut(strings.TrimSpace(item), ":")
		if !ok || !allDigits(partition) || !allDigits(broker) {
			return s.Want()
		}
	}
	return ""
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parseInteger is Java's parseInt and parseLong for ASCII digits.
func parseInteger(value string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, bits)
	return n, err == nil
}

// parseDouble is Java's Double.parseDouble as far as a person writes numbers:
// NaN and Infinity in exactly these cases, a trailing f or d, no underscore.
func parseDouble(value string) (float64, bool) {
	if strings.ContainsAny(value, "_iI") && strings.TrimLeft(value, "+-") != "Infinity" {
		return 0, false
	}
	if strings.EqualFold(value, "nan") && value != "NaN" {
		return 0, false
	}
	hex := strings.HasPrefix(strings.ToLower(strings.TrimLeft(value, "+-")), "0x")
	if n := len(value); n > 1 && strings.ContainsRune("fFdD", rune(value[n-1])) && !hex {
		value = value[:n-1]
	}
	n, err := strconv.ParseFloat(value, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, true
	}
	return n, err == nil
}

// sameValue tells whether Kafka reads both texts as the same value of a setting.
func sameValue(name, a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if a == b {
		return true
	}
	s, ok := findSetting(name)
	if !ok {
		return false
	}
	switch s.kind {
	case kindInt, kindLong:
		x, okX := parseInteger(a, 64)
		y, okY := parseInteger(b, 64)
		return okX && okY && x == y
	case kindDouble:
		x, okX := parseDouble(a)
		y, okY := parseDouble(b)
		return okX && okY && x == y
	case kindBool:
		return strings.EqualFold(a, b)
	case kindList, kindReplicas:
		return slices.Equal(listOf(a), listOf(b))
	}
	return false
}

func listOf(value string) []string {
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	slices.Sort(items)
	return slices.Compact(items)
}
