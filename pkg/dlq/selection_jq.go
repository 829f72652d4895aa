package dlq

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/itchyny/gojq"
)

// jqTime bounds what a jq expression may take for one letter.
const jqTime = time.Second

// jqCondition is a jq expression that selects values.
type jqCondition struct{ code *gojq.Code }

// newJQCondition compiles an expression. It sees no environment, no other input
// and no modules: an expression comes from whoever calls, not from here.
func newJQCondition(expression string) (*jqCondition, error) {
	query, err := gojq.Parse(expression)
	if err != nil {
		return nil, errorf(ErrInvalid, "jq %q: %v", expression, err)
	}
	code, err := gojq.Compile(query, gojq.WithEnvironLoader(func() []string { return nil }))
	if err != nil {
		return nil, errorf(ErrInvalid, "jq %q: %v", expression, err)
	}
	return &jqCondition{code}, nil
}

// match tells whether one of the results is neither false nor null. An error
// and a value that is no JSON are no match.
func (q *jqCondition) match(ctx context.Context, value []byte) bool {
	input, ok := decodeValue(value)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, jqTime)
	defer cancel()
	iter := q.code.RunWithContext(ctx, input)
	for {
		got, more := iter.Next()
		if !more {
			return false
		}
		if _, failed := got.(error); failed {
			return false
		}
		if got != nil && got != false {
			return true
		}
	}
}

// decodeValue reads exactly one JSON value. Numbers stay as they are written.
func decodeValue(value []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return v, true
}
