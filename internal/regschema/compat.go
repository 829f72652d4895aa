package regschema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/avro"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

// Conflicts returns why next cannot follow the old schemas, the first of them
// first, in a mode: a sentence each, nothing when it can. What cannot be judged
// (a Protobuf change, a JSON Schema that refers to others) is [ErrCannotJudge].
func Conflicts(ctx context.Context, mode evolution.Mode, old []Source, next Source) ([]string, error) {
	if mode == evolution.None {
		return nil, nil
	}
	if !isTransitive(mode) && len(old) > 1 {
		old = old[len(old)-1:]
	}
	for i, o := range old {
		if o.Type != next.Type {
			return []string{fmt.Sprintf("schema type changes from %s to %s (old schema %d)", o.Type, next.Type, i+1)}, nil
		}
	}
	switch next.Type {
	case JSON:
		return jsonConflicts(mode, old, next)
	case Avro:
		return avroConflicts(mode, old, next)
	}
	for _, o := range old {
		if !same(o, next) {
			return nil, fmt.Errorf("%w: changes of %s schemas are not understood by this registry; "+
				"where the change is known to be safe, set the subject's compatibility to NONE", ErrCannotJudge, next.Type)
		}
	}
	return nil, ctx.Err()
}

func isTransitive(m evolution.Mode) bool { return strings.HasSuffix(string(m), "_TRANSITIVE") }

// same tells two texts of one meaning that refer to the same texts.
func same(a, b Source) bool {
	if a.Type != b.Type || len(a.Imports) != len(b.Imports) ||
		Canonical(a.Type, a.Text, true) != Canonical(b.Type, b.Text, true) {
		return false
	}
	for i := range a.Imports {
		if a.Imports[i] != b.Imports[i] {
			return false
		}
	}
	return true
}

func jsonConflicts(mode evolution.Mode, old []Source, next Source) ([]string, error) {
	var texts [][]byte
	for _, o := range old {
		if same(o, next) {
			continue
		}
		if len(o.Imports) > 0 || len(next.Imports) > 0 {
			return nil, fmt.Errorf("%w: JSON Schemas that refer to other subjects are not compared by this registry; "+
				"where the change is known to be safe, set the subject's compatibility to NONE", ErrCannotJudge)
		}
		texts = append(texts, []byte(o.Text))
	}
	if len(texts) == 0 { // also a schema that could not be judged can be the first
		return nil, nil
	}
	found, err := evolution.Check(mode, texts, []byte(next.Text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannotJudge, err)
	}
	var list []string
	for _, d := range found {
		list = append(list, d.String())
	}
	return list, nil
}

func avroConflicts(mode evolution.Mode, old []Source, next Source) ([]string, error) {
	n, err := compileAvro(next)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var list []string
	check := func(writer, reader *avro.Schema, direction evolution.Direction) error {
		err := avro.CheckCompatibility(writer, reader)
		var conflict *avro.CompatibilityError
		switch {
		case errors.As(err, &conflict):
			list = append(list, fmt.Sprintf("%v (%s)", conflict, direction))
		case err != nil:
			return fmt.Errorf("%w: %w", ErrCannotJudge, err)
		}
		return nil
	}
	for i, o := range old {
		before, err := compileAvro(o)
		if err != nil {
			return nil, fmt.Errorf("%w: old schema %d: %w", ErrCannotJudge, i+1, err)
		}
		if mode != evolution.Forward && mode != evolution.ForwardTransitive {
			if err := check(before, n, evolution.NewReadsOld); err != nil {
				return nil, err
			}
		}
		if mode != evolution.Backward && mode != evolution.BackwardTransitive {
			if err := check(n, before, evolution.OldReadsNew); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}
