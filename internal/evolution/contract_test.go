package evolution_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

// Every schema of the contract can follow itself, in every sense, and cannot be
// followed by one that takes nothing.
func TestContractFollowsItself(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../pkg/events/schemas/*.json")
	if err != nil || len(files) < 35 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := evolution.Check(evolution.FullTransitive, [][]byte{raw, raw}, raw); err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", f, found, err)
		}
		v, err := evolution.Judge(raw, raw)
		if err != nil || len(v.ConsumersFirst)+len(v.ProducersFirst) > 0 {
			t.Errorf("%s: %+v, %v", f, v, err)
		}
		if found, err := evolution.Check(evolution.Backward, [][]byte{raw}, []byte(`false`)); err != nil || len(found) != 1 {
			t.Errorf("%s followed by nothing: %v, %v", f, found, err)
		}
	}
}
