package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The test binary is its own background process: these variables say which.
const (
	roleEnv  = "EMBEDDED_TEST_ROLE"
	dirEnv   = "EMBEDDED_TEST_DIR"
	portEnv  = "EMBEDDED_TEST_PORT"
	roleSelf = "supervise"
	roleKid  = "serve"
	// panicFile makes a serving process panic, once.
	panicFile = "panic"
)

func TestMain(m *testing.M) {
	port, _ := strconv.Atoi(os.Getenv(portEnv))
	cfg := Config{Dir: os.Getenv(dirEnv), Project: "test", Port: port}
	var err error
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case roleSelf:
		err = Supervise(context.Background(), cfg, SuperviseOptions{Command: testCommand(cfg, roleKid)})
	case roleKid:
		go panicOnDemand(filepath.Join(cfg.Dir, panicFile))
		err = Serve(context.Background(), cfg, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func panicOnDemand(file string) {
	for range time.Tick(5 * time.Millisecond) {
		if os.Remove(file) == nil {
			panic("on demand")
		}
	}
}

func testCommand(cfg Config, role string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleEnv+"="+role, dirEnv+"="+cfg.Dir, portEnv+"="+strconv.Itoa(cfg.Port))
		return cmd
	}
}

// eventually polls until check has nothing more to say.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(wrong)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func awaitRunning(t *testing.T, dir string) (rep Report) {
	t.Helper()
	eventually(t, func() string {
		var err error
		_, rep, err = Dial(t.Context(), dir)
		if err != nil || rep.State != Running {
			return fmt.Sprintf("not running: %v %+v", err, rep)
		}
		return ""
	})
	return rep
}

// TestPanicIsSurvived also holds that the data is, and that it ends at some time.
func TestPanicIsSurvived(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Project: "test", Port: freePort(t)}
	done := make(chan error, 1)
	go func() {
		done <- Supervise(t.Context(), cfg, SuperviseOptions{Command: testCommand(cfg, roleKid)})
	}()
	b := &testBroker{cfg: cfg}
	awaitRunning(t, cfg.Dir)
	createTopic(t, b.client(t), "t")
	for i := range maxRestarts + 1 {
		produce(t, b.client(t), fmt.Sprint(i))
		if err := os.WriteFile(filepath.Join(cfg.Dir, panicFile), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if i == maxRestarts {
			break
		}
		eventually(t, func() string {
			_, rep, err := Dial(t.Context(), cfg.Dir)
			if err != nil || rep.Restarts != i+1 || rep.State != Running {
				return fmt.Sprintf("after panic %d: %v %+v", i+1, err, rep)
			}
			return ""
		})
	}
	var err error
	select {
	case err = <-done:
	case <-time.After(patience):
		t.Fatal("the supervisor does not give up")
	}
	if !errors.Is(err, ErrGaveUp) || !strings.Contains(err.Error(), "on demand") {
		t.Errorf("supervisor ended with %v, want ErrGaveUp and the panic", err)
	}
	if last, ok := ReadLastExit(cfg.Dir); !ok || !strings.Contains(last.Reason, "on demand") {
		t.Errorf("last exit %+v, %v", last, ok)
	}
	again := serveFor(t, cfg.Dir)
	if got := again.committed(t); got != "0 1 2 3" {
		t.Errorf("read %q after the panics, want 0 1 2 3", got)
	}
}

// TestKilledBrokerKeepsWhatItAcknowledged kills the supervisor, the broker, or
// both at random moments of a stream of records.
func TestKilledBrokerKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	cfg := Config{Dir: t.TempDir(), Project: "test", Port: freePort(t)}
	b := &testBroker{cfg: cfg}
	var acked sync.Map
	for round := range 6 {
		cmd := testCommand(cfg, roleSelf)()
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		rep := awaitRunning(t, cfg.Dir)
		if round == 0 {
			createTopic(t, b.client(t), "t")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var producers sync.WaitGroup
		for p := range 4 {
			c := b.client(t)
			producers.Go(func() { produceUntil(ctx, c, fmt.Sprintf("%d-%d", round, p), &acked) })
		}
		<-time.After(time.Duration(20+rnd.IntN(150)) * time.Millisecond)
		victims := [][]int{{rep.Supervisor}, {rep.Broker}, {rep.Broker, rep.Supervisor}}[rnd.IntN(3)]
		for _, pid := range victims {
			kill(t, pid)
		}
		_ = cmd.Wait() // killed, or ended since its broker was
		cancel()
		producers.Wait()
		if _, _, err := Dial(t.Context(), cfg.Dir); !errors.Is(err, ErrNotRunning) {
			t.Fatalf("after the kill: %v, want ErrNotRunning", err)
		}
	}
	again := serveFor(t, cfg.Dir)
	seen := map[string]int{}
	for _, v := range strings.Fields(again.committed(t)) {
		seen[v]++
	}
	count := 0
	acked.Range(func(v, _ any) bool {
		count++
		if seen[v.(string)] != 1 {
			t.Errorf("acknowledged record %v is there %d times", v, seen[v.(string)])
		}
		return true
	})
	t.Logf("%d records acknowledged, %d there", count, len(seen))
	if count < 100 {
		t.Errorf("only %d records acknowledged: the test shows little", count)
	}
}

// produceUntil notes each value that was acknowledged.
func produceUntil(ctx context.Context, c *kgo.Client, name string, acked *sync.Map) {
	for i := 0; ctx.Err() == nil; i++ {
		v := fmt.Sprintf("%s-%d", name, i)
		c.Produce(ctx, kgo.StringRecord(v), func(_ *kgo.Record, err error) {
			if err == nil {
				acked.Store(v, true)
			}
		})
		if i%10 == 0 {
			_ = c.Flush(ctx) // its errors are the records' own
		}
	}
	c.Close()
}

func kill(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("killing %d: %v", pid, err)
	}
}

func TestStopWaitsForTheEnd(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Project: "test", Port: freePort(t)}
	cmd := testCommand(cfg, roleSelf)()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rep := awaitRunning(t, cfg.Dir)
	if rep.Broker == 0 || rep.Broker == rep.Supervisor || rep.Supervisor != cmd.Process.Pid {
		t.Errorf("report %+v of supervisor %d", rep, cmd.Process.Pid)
	}
	second := testCommand(cfg, roleSelf)()
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), ErrInUse.Error()) {
		t.Errorf("second supervisor: %v, %s", err, out)
	}
	remote, _, err := Dial(t.Context(), cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("supervisor ended with %v", err)
	}
	if _, _, err := Dial(t.Context(), cfg.Dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the stop: %v, want ErrNotRunning", err)
	}
	if err := Wipe(t.Context(), cfg.Dir); err != nil || !isEmpty(brokerDir(cfg.Dir)) {
		t.Errorf("wiping: %v", err)
	}
}

func TestSignalEndsASupervisor(t *testing.T) {
	t.Parallel()
	for _, how := range []bool{false, true} {
		cfg := Config{Dir: t.TempDir(), Project: "test", Port: freePort(t)}
		cmd := testCommand(cfg, roleSelf)()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitRunning(t, cfg.Dir)
		reaped := make(chan error, 1)
		go func() { reaped <- cmd.Wait() }()
		if err := Signal(t.Context(), cfg.Dir, how, patience); err != nil {
			t.Errorf("kill %v: %v", how, err)
		}
		<-reaped
		if err := Signal(t.Context(), cfg.Dir, how, patience); err != nil {
			t.Errorf("kill %v of one that is gone: %v", how, err)
		}
	}
}

func TestLongPathsHaveASocketToo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	c, err := listenControl(dir, func(string) (Report, error) { return Report{Project: "far"}, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	remote, rep, err := Dial(t.Context(), dir)
	if err != nil || rep.Project != "far" {
		t.Fatalf("%+v, %v", rep, err)
	}
	remote.run.Token = "guessed"
	if _, _, err := remote.ask(t.Context(), commandStatus); err == nil {
		t.Error("a wrong token was answered")
	}
}
