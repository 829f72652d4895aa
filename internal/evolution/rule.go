package evolution

// A Rule names a kind of difference. Names are stable.
type Rule string

// The rules, as the reader meets them: values reach it that its schema refuses.
const (
	// TypeNarrowed: the value may be of a type that the reader does not take.
	TypeNarrowed Rule = "type-narrowed"
	// EnumNarrowed: the value may be one that the reader's enum does not list.
	EnumNarrowed Rule = "enum-narrowed"
	// FormatChanged: the reader asks for a format that the writer does not keep.
	FormatChanged Rule = "format-changed"
	// PatternChanged: the reader asks for a pattern that the writer does not keep.
	PatternChanged Rule = "pattern-changed"
	// LengthNarrowed: texts may be shorter or longer than the reader takes.
	LengthNarrowed Rule = "length-narrowed"
	// RangeNarrowed: numbers may lie outside the reader's range or steps.
	RangeNarrowed Rule = "range-narrowed"
	// ItemsNarrowed: arrays may have fewer, more or repeated items.
	ItemsNarrowed Rule = "items-narrowed"
	// RequiredAdded: a member that the reader requires may be missing.
	RequiredAdded Rule = "required-added"
	// MemberRefused: a member may come that the reader's closed object refuses.
	MemberRefused Rule = "member-refused"
	// MembersNarrowed: objects may have fewer or more members.
	MembersNarrowed Rule = "members-narrowed"
	// AlternativeRemoved: no alternative of the reader is sure to hold.
	AlternativeRemoved Rule = "alternative-removed"
	// Unknown: the difference lies in a keyword that is not understood here.
	Unknown Rule = "unknown-keyword"
)
