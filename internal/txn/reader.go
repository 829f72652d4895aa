package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/pattern"
	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrNotFound is a transactional id that the cluster does not have, or a
// transaction that has ended meanwhile.
var ErrNotFound = errors.New("no such transaction")

// Transaction is what its coordinator knows of a transactional id.
type Transaction struct {
	ID    string `json:"transactional_id"`
	State string `json:"state"` // Kafka's own word: Ongoing, CompleteCommit …
	// ProducerID is who writes for the id. Epoch is nil where it was not asked for.
	ProducerID  int64  `json:"producer_id"`
	Epoch       *int16 `json:"producer_epoch,omitempty"`
	Coordinator int32  `json:"coordinator"` // a broker's id
	// TimeoutSeconds is how long a transaction may stay open.
	TimeoutSeconds *float64 `json:"timeout_seconds,omitempty"`
	// Started and OpenSeconds are those of the open transaction, nil without one.
	Started     *time.Time `json:"started,omitempty"`
	OpenSeconds *float64   `json:"open_seconds,omitempty"`
	// Partitions are those of the open transaction, in order.
	Partitions []kafka.TopicPartition `json:"partitions"`
	// Error is why less is told.
	Error string `json:"error,omitempty"`
}

// Open tells a transaction that keeps readers of committed records waiting.
func (t Transaction) Open() bool {
	return t.State == sarama.TransactionStateOngoing || t.State == sarama.TransactionStatePrepareCommit ||
		t.State == sarama.TransactionStatePrepareAbort || t.State == sarama.TransactionStatePrepareEpochFence
}

// Reader asks one cluster about its transactions (KIP-664). Its methods may be
// called at once from several goroutines. Brokers before 3.0 cannot tell.
type Reader struct{ client *kafka.Client }

// NewReader returns a Reader that works through c, which the caller closes.
func NewReader(c *kafka.Client) *Reader { return &Reader{client: c} }

// Listing is an answer of [Reader.List].
type Listing struct {
	Transactions []Transaction // by id
	Missed       []string      // the patterns that selected nothing
}

// List tells about the transactional ids that patterns select, names and globs;
// none selects all. open leaves out ids without an open transaction. Every
// broker is asked at the same time about those it coordinates, and about the
// open ones a second time, for their start and partitions.
func (r *Reader) List(ctx context.Context, patterns []string, open bool) (Listing, error) {
	if err := pattern.Check(patterns); err != nil {
		return Listing{}, err
	}
	all, err := r.list(ctx, nil)
	if err != nil {
		return Listing{}, err
	}
	var list Listing
	list.Transactions, list.Missed = pattern.Choose(all, func(t Transaction) string { return t.ID }, patterns)
	list.Transactions = slices.DeleteFunc(list.Transactions, func(t Transaction) bool { return open && !t.Open() })
	return list, r.fill(ctx, list.Transactions)
}

// list asks every broker for the ids it coordinates, all or those of producers.
func (r *Reader) list(ctx context.Context, producers []int64) ([]Transaction, error) {
	meta, err := r.client.Metadata(ctx, []string{})
	if err != nil {
		return nil, err
	}
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		all    []Transaction
		failed []error
	)
	for _, broker := range meta.Brokers {
		wg.Go(func() {
			res, err := request.To(ctx, r.client, broker.ID, func(b *sarama.Broker) (*sarama.ListTransactionsResponse, error) {
				req := &sarama.ListTransactionsRequest{DurationFilter: -1, ProducerIDFilters: producers}
				return b.ListTransactions(req)
			})
			if err == nil {
				err = kafka.NewBrokerError(int16(res.ErrorCode), "")
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("transactions of broker %d: %w", broker.ID, tooOld(err)))
				return
			}
			for _, t := range res.TransactionStates {
				all = append(all, Transaction{ID: t.TransactionalID, State: t.TransactionState, ProducerID: t.ProducerID, Coordinator: broker.ID, Partitions: []kafka.TopicPartition{}})
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Transaction) int { return strings.Compare(a.ID, b.ID) })
	return all, ctx.Err()
}

// tooOld says which release the request needs.
func tooOld(err error) error {
	var be *kafka.BrokerError
	if errors.Is(err, sarama.ErrUnsupportedVersion) || errors.As(err, &be) && sarama.KError(be.Code) == sarama.ErrUnsupportedVersion {
		return fmt.Errorf("needs brokers of Kafka 3.0 or newer: %w", err)
	}
	return err
}

// fill asks the coordinators about the open transactions of the list. What one
// cannot tell is in its Error.
func (r *Reader) fill(ctx context.Context, list []Transaction) error {
	byBroker := map[int32][]int{}
	for i, t := range list {
		if t.Open() {
			byBroker[t.Coordinator] = append(byBroker[t.Coordinator], i)
		}
	}
	var wg sync.WaitGroup
	for broker, rows := range byBroker {
		wg.Go(func() {
			ids := make([]string, len(rows))
			for n, i := range rows {
				ids[n] = list[i].ID
			}
			found, err := r.describe(ctx, broker, ids)
			for _, i := range rows {
				t, ok := found[list[i].ID]
				switch {
				case err != nil:
					list[i].Error = err.Error()
				case ok:
					list[i] = t
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// Describe tells about one transactional id. It reports [ErrNotFound] for one
// that the cluster does not have.
func (r *Reader) Describe(ctx context.Context, id string) (Transaction, error) {
	broker := make(chan int32, 1)
	conn := r.client.Wire()
	err := r.client.Do(ctx, func() error {
		if err := conn.RefreshTransactionCoordinator(id); err != nil {
			return err
		}
		b, err := conn.TransactionCoordinator(id)
		if err == nil {
			broker <- b.ID()
		}
		return err
	})
	if err != nil {
		return Transaction{}, fmt.Errorf("coordinator of %s: %w", id, err)
	}
	found, err := r.describe(ctx, <-broker, []string{id})
	if err != nil {
		return Transaction{}, err
	}
	t, ok := found[id]
	if !ok {
		return Transaction{}, fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	return t, nil
}

// describe asks one coordinator. Ids that it does not know are left out.
func (r *Reader) describe(ctx context.Context, broker int32, ids []string) (map[string]Transaction, error) {
	res, err := request.To(ctx, r.client, broker, func(b *sarama.Broker) (*sarama.DescribeTransactionsResponse, error) {
		return b.DescribeTransactions(&sarama.DescribeTransactionsRequest{TransactionalIDs: ids})
	})
	if err != nil {
		return nil, tooOld(err)
	}
	const unknownID = sarama.KError(105)
	now := time.Now()
	found := map[string]Transaction{}
	for _, s := range res.TransactionStates {
		switch s.ErrorCode {
		case sarama.ErrNoError:
			found[s.TransactionalID] = stateOf(s, broker, now)
		case unknownID:
		default:
			return nil, fmt.Errorf("%s: %w", s.TransactionalID, kafka.NewBrokerError(int16(s.ErrorCode), ""))
		}
	}
	return found, nil
}

func stateOf(s sarama.TransactionState, broker int32, now time.Time) Transaction {
	epoch, timeout := s.ProducerEpoch, s.TransactionTimeout.Seconds()
	t := Transaction{
		ID: s.TransactionalID, State: s.TransactionState, ProducerID: s.ProducerID, Epoch: &epoch,
		Coordinator: broker, TimeoutSeconds: &timeout, Partitions: []kafka.TopicPartition{},
	}
	if s.TransactionStartTime > 0 && t.Open() {
		started := time.UnixMilli(s.TransactionStartTime).UTC()
		open := max(0, now.Sub(started).Round(100*time.Millisecond).Seconds())
		t.Started, t.OpenSeconds = &started, &open
	}
	for _, topic := range s.Topics {
		for _, p := range topic.Partitions {
			t.Partitions = append(t.Partitions, kafka.TopicPartition{Topic: topic.Topic, Partition: p})
		}
	}
	slices.SortFunc(t.Partitions, func(a, b kafka.TopicPartition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return t
}
