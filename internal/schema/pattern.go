package schema

import (
	"regexp"
	"regexp/syntax"
)

// A matcher decides one pattern over plain ASCII text.
type matcher func([]byte) bool

// newMatcher compiles a pattern. Chains of character classes of which only the
// last may vary in number, and a mere literal at the end, which is what event
// contracts are made of, are matched by hand, about twenty times as fast.
func newMatcher(pattern string) (matcher, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	if m := byHand(pattern); m != nil {
		return m, nil
	}
	return re.Match, nil
}

// A step is a set of characters that comes at least min and at most max times.
type step struct {
	set      [256]bool
	min, max int
}

func byHand(pattern string) matcher {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || tree.Op != syntax.OpConcat || len(tree.Sub) < 2 {
		return nil
	}
	last := len(tree.Sub) - 1
	if tree.Sub[last].Op != syntax.OpEndText {
		return nil
	}
	if tree.Sub[0].Op != syntax.OpBeginText {
		return suffix(tree.Sub[:last])
	}
	var steps []step
	for i, sub := range tree.Sub[1:last] {
		list, ok := stepsOf(sub)
		if !ok || len(list) == 0 {
			return nil
		}
		if s := list[len(list)-1]; s.min != s.max && i != last-2 {
			return nil
		}
		steps = append(steps, list...)
	}
	return func(b []byte) bool { return walk(steps, b) }
}

func walk(steps []step, b []byte) bool {
	for i := range steps {
		s := &steps[i]
		n := 0
		for n < len(b) && n != s.max && s.set[b[n]] {
			n++
		}
		if n < s.min {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

func suffix(subs []*syntax.Regexp) matcher {
	if len(subs) != 1 || subs[0].Op != syntax.OpLiteral || subs[0].Flags&syntax.FoldCase != 0 {
		return nil
	}
	end := string(subs[0].Rune)
	return func(b []byte) bool {
		return len(b) >= len(end) && string(b[len(b)-len(end):]) == end
	}
}

func stepsOf(re *syntax.Regexp) ([]step, bool) {
	one := func(from, to rune, lo, hi int) step {
		s := step{min: lo, max: hi}
		s.add(from, to)
		return s
	}
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil, false
		}
		var list []step
		for _, r := range re.Rune {
			list = append(list, one(r, r, 1, 1))
		}
		return list, true
	case syntax.OpCharClass:
		s := step{min: 1, max: 1}
		for i := 0; i < len(re.Rune); i += 2 {
			s.add(re.Rune[i], re.Rune[i+1])
		}
		return []step{s}, true
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		list, ok := stepsOf(re.Sub[0])
		if !ok || len(list) != 1 || list[0].min != 1 || list[0].max != 1 || re.Flags&syntax.NonGreedy != 0 {
			return nil, false
		}
		list[0].min, list[0].max = repeats(re)
		return list, true
	}
	return nil, false
}

func repeats(re *syntax.Regexp) (lo, hi int) {
	switch re.Op {
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		return 1, -1
	case syntax.OpQuest:
		return 0, 1
	}
	return re.Min, re.Max
}

// add takes the ASCII part of a range: the text to match has no other.
func (s *step) add(from, to rune) {
	for r := max(from, 0); r <= min(to, 0x7f); r++ {
		s.set[r] = true
	}
}
