package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// retentionInterval is how often topics lose what their retention settings
// let go, as log.retention.check.interval.ms of Apache Kafka.
const retentionInterval = 5 * time.Minute

const (
	// segmentBytes is small, since segments are loaded as a whole.
	segmentBytes = "16777216"
	// loadingGC keeps garbage small while data is loaded, in percent of what lives.
	loadingGC = 20
)

// neverMS is a hundred years, as a setting in milliseconds.
const neverMS = "3153600000000"

// notice is one line of what the broker process tells its supervisor.
type notice struct {
	// Ready is set once the broker answers.
	Ready bool `json:"ready,omitempty"`
	// Fatal is why the broker ends and must not be started again by itself.
	Fatal *EndError `json:"fatal,omitempty"`
	// Log is one line for the log file.
	Log   string `json:"log,omitempty"`
	Level string `json:"level,omitempty"`
}

// notices writes to the supervisor, from any goroutine. A supervisor that is
// gone is noticed by the closed standard input, not here.
type notices struct {
	mu sync.Mutex
	w  io.Writer
}

func (n *notices) send(v notice) {
	body, err := json.Marshal(v)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = n.w.Write(append(body, '\n'))
}

func (n *notices) logf(level, format string, args ...any) {
	n.send(notice{Level: level, Log: fmt.Sprintf(format, args...)})
}

// Serve runs the broker in this process until ctx ends or in, held open by the
// supervisor, is closed. Either is a clean end. Any error means that the
// broker is down and, unless the process crashed, that its cause stays:
// [ErrInUse], [ErrLowSpace], [ErrPersist], [ErrFormat] or a port that is taken.
//
// After [ErrPersist] the process must end: kfake is left standing in the
// middle of a request, so that it can acknowledge nothing more.
func Serve(ctx context.Context, cfg Config, in io.Reader, out io.Writer) error {
	n := &notices{w: out}
	err := serve(ctx, cfg, in, n, freeSpace)
	if err != nil {
		end := endError(err)
		n.send(notice{Fatal: &end})
	}
	return err
}

func serve(ctx context.Context, cfg Config, in io.Reader, n *notices, free func(string) (uint64, error)) error {
	if err := Prepare(cfg.Dir); err != nil {
		return err
	}
	lock, err := LockData(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := checkSpace(cfg.Dir, cfg.minFree(), free); err != nil {
		return err
	}
	if err := openFormat(cfg.Dir, cfg.minFree(), free, n.logf); err != nil {
		return err
	}
	if err := recoverData(brokerDir(cfg.Dir), n.logf); err != nil {
		return err
	}
	schemas, err := openRegistry(ctx, cfg, n)
	if err != nil {
		return err
	}
	log := newBrokerLog(func(level, text string) { n.logf(level, "%s", text) })
	data, done, err := dataDir(brokerDir(cfg.Dir))
	if err != nil {
		return errors.Join(err, schemas.close(ctx))
	}
	defer func() { _ = done() }() // nothing is to be written any more
	cluster, err := openCluster(ctx, cfg, data, log, n)
	if err != nil {
		return errors.Join(err, schemas.close(ctx))
	}
	n.send(notice{Ready: true})
	err = watchBoth(ctx, cfg, in, lock, cluster, log, schemas, free)
	err = errors.Join(err, schemas.close(ctx))
	if errors.Is(err, ErrPersist) {
		return err
	}
	log.enter(closing)
	cluster.Close()
	if failed := log.err(); failed != nil {
		return errors.Join(err, failed)
	}
	return errors.Join(err, markClean(brokerDir(cfg.Dir)))
}

// openCluster loads what is on disk and starts to answer.
func openCluster(ctx context.Context, cfg Config, data []kfake.Opt, log *brokerLog, n *notices) (*kfake.Cluster, error) {
	began := time.Now()
	var lc net.ListenConfig
	listen := func(network, _ string) (net.Listener, error) {
		l, err := lc.Listen(ctx, network, net.JoinHostPort(cfg.ListenHost(), strconv.Itoa(cfg.Port)))
		if err != nil {
			return nil, err
		}
		return &listener{Listener: l, addr: advertised(cfg.Advertised()), refuse: func(remote net.Addr, reason string) {
			n.logf("WARN", "client %v: %s; connection closed", remote, reason)
		}}, nil
	}
	id, err := newClusterID()
	if err != nil {
		return nil, err
	}
	// kfake reads a whole segment at a time, and leaves it to the collector.
	defer debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(loadingGC))
	cluster, err := kfake.NewCluster(append(data,
		kfake.NumBrokers(1),
		kfake.ClusterID(id),
		kfake.ListenFn(listen),
		kfake.DefaultNumPartitions(1),
		// kfake compacts by removing a partition's files and writing them
		// anew: killed in between, it loses records. So it never compacts.
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": neverMS, "log.segment.bytes": segmentBytes}),
		kfake.WithLogger(log),
	)...)
	if err != nil {
		return nil, err
	}
	if err := log.err(); err != nil {
		return nil, err
	}
	log.enter(serving)
	n.logf("INFO", "broker of project %s ready on %s after %d ms", cfg.Project, cfg.Advertised(), time.Since(began).Milliseconds())
	return cluster, nil
}

// watchBoth is watch for as long as the schema registry lives too.
func watchBoth(ctx context.Context, cfg Config, in io.Reader, lock *Lock, cluster *kfake.Cluster, log *brokerLog, schemas *registry, free func(string) (uint64, error)) error {
	ctx, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { schemas.watch(ctx, end) })
	err := watch(ctx, cfg, in, lock, cluster, log, free)
	end(nil)
	watching.Wait()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// watch returns when the broker has to end: nil when it was asked to.
func watch(ctx context.Context, cfg Config, in io.Reader, lock *Lock, cluster *kfake.Cluster, log *brokerLog, free func(string) (uint64, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// This goroutine cannot be waited for: only the supervisor ends a read of
	// standard input. Serve is the last thing its process does.
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(in))
		cancel()
	}()
	var space, retention sync.WaitGroup
	defer space.Wait()
	defer cancel()
	low := make(chan error, 1)
	space.Go(func() { low <- watchDisk(ctx, cfg.Dir, lock, cfg.minFree(), free) })
	trim := newTrimmer(cluster, brokerDir(cfg.Dir), log)
	cluster.ControlKey(int16(kmsg.DeleteRecords), trim.beforeDelete)
	tick := time.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			retention.Wait()
			return nil
		case err := <-low:
			retention.Wait()
			return err
		case err := <-log.fatal:
			// kfake stands still, and with it a retention run.
			return err
		case <-tick.C:
			retention.Go(trim.applyRetention)
		}
	}
}
