package topics

import "testing"

func TestPartitionsAreNamedByRuns(t *testing.T) {
	t.Parallel()
	var odd []int32
	for p := int32(1); p < 100; p += 2 {
		odd = append(odd, p)
	}
	for _, test := range []struct {
		list []int32
		want string
	}{
		{[]int32{7}, "partition 7"},
		{[]int32{0, 1}, "partitions 0-1"},
		{[]int32{5, 0, 1, 2, 9, 8}, "partitions 0-2, 5, 8-9"},
		{odd, "partitions 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 40 more"},
	} {
		if got := partitionsText(test.list); got != test.want {
			t.Errorf("%v is %q, want %q", test.list, got, test.want)
		}
	}
}
