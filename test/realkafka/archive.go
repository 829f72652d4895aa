package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/test/testcache"
)

// archiveFile is the name of an archive in its cache entry.
const archiveFile = "broker.jsa"

// archive returns the class data archive of a release (JEP 350), from the test
// cache: the classes that a broker loads, parsed and verified, from which a JVM
// starts in a third of the processor time. It is "" when this JVM makes none.
func archive(ctx context.Context, k kit, version string) (string, error) {
	id, err := k.identity(version)
	if err != nil {
		return "", err
	}
	dir, err := testcache.Entry(ctx, "archive-"+version+"-"+shortHash(id...), func(dir string) error {
		return makeArchive(ctx, k, version, filepath.Join(dir, archiveFile))
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, archiveFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return path, nil
}

// identity returns what an archive holds for: a JVM takes none that another one
// made, or that was made from other files.
func (k kit) identity(version string) ([]string, error) {
	java, err := filepath.EvalSymlinks(k.java)
	if err != nil {
		return nil, err
	}
	id := []string{java, k.jars}
	for _, path := range []string{java, filepath.Join(k.jars, "kafka_2.13-"+version+".jar")} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		id = append(id, info.ModTime().UTC().Format(time.RFC3339Nano))
	}
	// Every JDK says here what it is; without the file, the program's own time
	// must do.
	release, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(java)), "release"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return append(id, string(release)), nil
}

// makeArchive runs a broker with every door, has it serve a client, and stops it;
// the JVM writes the archive as it ends.
func makeArchive(ctx context.Context, k kit, version, path string) error {
	opts := Options{
		Version: version, Brokers: 1, Listeners: []Listener{SASLPlaintext, SSL},
		JVM: []string{"-XX:ArchiveClassesAtExit=" + path},
	}
	c, err := startWith(ctx, k, opts)
	if err != nil {
		return err
	}
	defer c.release()
	defer c.close()
	if err := exercise(ctx, c.Bootstrap()); err != nil {
		return err
	}
	stopped := c.stopNode(0)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		// Not every JVM can, nor every system stop one. What was said is kept in
		// the archive's place.
		return os.WriteFile(path+".none", fmt.Appendf(nil, "%v\n%s", stopped, c.logTail(0)), 0o644)
	}
	return stopped
}

// exercise makes a topic, writes a record in a transaction and reads it as a group.
func exercise(ctx context.Context, bootstrap string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	const name = "archive"
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.TransactionalID(name), kgo.ConsumeTopics(name),
		kgo.ConsumerGroup(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	create.Topics = append(create.Topics, topic)
	if _, err := create.RequestWith(ctx, client); err != nil {
		return err
	}
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte(name)}).FirstErr(); err != nil {
		return err
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	for {
		fetched := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return errors.New("the record for the archive was not read back")
		}
		if fetched.NumRecords() > 0 {
			return client.CommitUncommittedOffsets(ctx)
		}
	}
}
