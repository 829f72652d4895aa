// Package topics administers the topics of a cluster: create, list, describe,
// alter, delete, and bring a cluster to a declared state.
//
// Start with [New] over an open [kafka.Client]. Names and settings are checked
// here as Kafka 4.3 itself checks them, before a broker is asked; see
// [CheckName] and [CheckConfig]. [Catalogue] lists the topics that the
// multi-tenant product itself stands on.
//
// # Dead letter queues
//
// The dead letter queue of topic T is the topic T.dlq. It has as many
// partitions as T, keeps its letters for 30 days, and takes records 64 KiB
// larger than T does, because a letter is the record and the headers that tell
// why it failed.
package topics

import (
	"errors"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What callers branch on. Each is wrapped with the topic it is about.
var (
	// ErrExists is a topic name that is taken; an [*ExistsError] says how the topic differs.
	ErrExists = errors.New("topic already exists")
	// ErrNotFound is a topic that the cluster does not have.
	ErrNotFound = errors.New("no such topic")
	// ErrInvalidName is a name that no Kafka cluster accepts.
	ErrInvalidName = errors.New("invalid topic name")
	// ErrInvalidConfig is a setting that Kafka does not know, or a value out of its range.
	ErrInvalidConfig = errors.New("invalid topic setting")
	// ErrCollides is a name that the cluster cannot hold beside one that it has, see [Collides].
	ErrCollides = errors.New("names differ only in '.' and '_', which metrics cannot tell apart")
	// ErrInvalidCount is a number of partitions or replicas that no cluster accepts.
	ErrInvalidCount = errors.New("invalid count")
	// ErrTooFewBrokers is a replication factor above the number of brokers.
	ErrTooFewBrokers = errors.New("more replicas than brokers")
	// ErrNotReady is a topic that was made and whose partitions had no leader in time.
	ErrNotReady = errors.New("partitions have no leader yet")
	// ErrShrink is a wish for fewer partitions than there are, which Kafka cannot fulfil.
	ErrShrink = errors.New("partitions cannot be taken away")
	// ErrInternal is a topic in which the cluster or what runs on it keeps its own state.
	ErrInternal = errors.New("topic is internal: what keeps its state there would lose it")
	// ErrCompacted is a topic whose records cannot be deleted up to an offset: compaction alone takes them.
	ErrCompacted = errors.New("brokers delete records only where cleanup.policy has delete")
	// ErrRecreated is a topic that was deleted and made anew since it was looked at.
	ErrRecreated = errors.New("topic was made anew meanwhile; its records were left alone")
)

// Admin works on the topics of one cluster. Its methods may be called at once
// from several goroutines.
type Admin struct {
	client *kafka.Client
}

// New returns an Admin that works through c, which the caller closes.
func New(c *kafka.Client) *Admin { return &Admin{client: c} }
