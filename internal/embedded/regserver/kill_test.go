package regserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded/regserver"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// dirEnv makes this test binary a registry over the directory that it names.
const dirEnv = "REGSERVER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirEnv); dir != "" {
		fmt.Fprintln(os.Stderr, serveForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveForever prints its address and serves until it is killed.
func serveForever(dir string) error {
	s, err := regserver.Open(dir, func(string, string, ...any) {})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, s.Handler())
}

func spawn(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
		})
	}
	t.Cleanup(kill)
	url, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url), kill
}

// TestKilled kills the registry in the middle of registrations and deletions,
// again and again: whatever was answered must hold after each restart.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	var mu sync.Mutex
	ids := map[string]int{}      // subject to the id that was answered
	deleted := map[string]bool{} // subjects whose deletion was answered
	n := 0
	for round := range 10 {
		url, kill := spawn(t, dir)
		c, err := registry.Open(registry.Config{URLs: []string{url}, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		check(t, c, ids, deleted)
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() {
				for {
					mu.Lock()
					n++
					subject, remove := fmt.Sprintf("s%d", n), n%5 == 0
					mu.Unlock()
					id, err := c.Register(t.Context(), subject, registry.Schema{Type: regschema.JSON, Text: fmt.Sprintf(`{"title":%q}`, subject)})
					if err != nil {
						return
					}
					mu.Lock()
					ids[subject] = id
					mu.Unlock()
					if !remove {
						continue
					}
					if _, err := c.DeleteSubject(t.Context(), subject, false); err != nil {
						mu.Lock()
						delete(ids, subject) // it may be deleted or not
						mu.Unlock()
						return
					}
					mu.Lock()
					deleted[subject] = true
					mu.Unlock()
				}
			})
		}
		<-time.After(time.Duration(20+rng.IntN(60)) * time.Millisecond)
		kill()
		workers.Wait()
		c.Close()
		if round == 9 && len(ids) < 10 {
			t.Fatalf("only %d registrations were answered", len(ids))
		}
	}
	url, _ := spawn(t, dir)
	c, err := registry.Open(registry.Config{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check(t, c, ids, deleted)
	t.Logf("%d answered registrations, %d deletions", len(ids), len(deleted))
}

func check(t *testing.T, c *registry.Client, ids map[string]int, deleted map[string]bool) {
	t.Helper()
	owner := map[int]string{}
	for subject, id := range ids {
		if other, ok := owner[id]; ok {
			t.Fatalf("id %d was given to %s and %s", id, other, subject)
		}
		owner[id] = subject
		s, err := c.ByID(t.Context(), id)
		if err != nil || !strings.Contains(s.Text, fmt.Sprintf("%q", subject)) {
			t.Fatalf("%s with id %d: %q, %v", subject, id, s.Text, err)
		}
		v, err := c.Version(t.Context(), subject, registry.Latest)
		if deleted[subject] {
			if !errors.Is(err, registry.ErrNotFound) {
				t.Fatalf("%s was deleted and is back: %+v, %v", subject, v, err)
			}
		} else if err != nil || v.ID != id {
			t.Fatalf("%s: %+v, %v; want id %d", subject, v, err, id)
		}
	}
}
