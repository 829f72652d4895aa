package fix

import "bytes"

// A Line is one line of a comparison.
type Line struct {
	// Op is ' ' for a line of both, '-' for one that went, '+' for one that
	// came, and '@' for lines of both that are left out.
	Op   byte
	Text string
}

const (
	// around is how many lines of both are shown before and after a change.
	around = 3
	// mostCells bounds the table that a comparison needs; two texts that are
	// larger are shown whole, where they begin to differ.
	mostCells = 4 << 20
)

// Diff compares two texts line by line. Equal texts have no lines.
func Diff(was, now []byte) []Line {
	if bytes.Equal(was, now) {
		return nil
	}
	a, b := lines(was), lines(now)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var all []Line
	for _, text := range a[:head] {
		all = append(all, Line{' ', text})
	}
	all = append(all, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, text := range a[len(a)-tail:] {
		all = append(all, Line{' ', text})
	}
	return leaveOut(all)
}

func lines(text []byte) []string {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) == 0 {
		return nil
	}
	var list []string
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		list = append(list, string(line))
	}
	return list
}

// middle compares by the longest common subsequence.
func middle(a, b []string) []Line {
	var out []Line
	if (len(a)+1)*(len(b)+1) > mostCells {
		for _, text := range a {
			out = append(out, Line{'-', text})
		}
		for _, text := range b {
			out = append(out, Line{'+', text})
		}
		return out
	}
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width) // of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, Line{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || longest[(i+1)*width+j] >= longest[i*width+j+1]):
			out = append(out, Line{'-', a[i]})
			i++
		default:
			out = append(out, Line{'+', b[j]})
			j++
		}
	}
	return out
}

// leaveOut keeps the lines of both only around changes.
func leaveOut(all []Line) []Line {
	keep := make([]bool, len(all))
	for i, l := range all {
		if l.Op != ' ' {
			for k := max(0, i-around); k <= min(len(all)-1, i+around); k++ {
				keep[k] = true
			}
		}
	}
	var out []Line
	for i, l := range all {
		switch {
		case keep[i]:
			out = append(out, l)
		case i == 0 || keep[i-1]:
			out = append(out, Line{Op: '@'})
		}
	}
	return out
}
