-- Tables that a service's database needs for pkg/eventbus/pgbus (PostgreSQL 13 or newer):
-- the inbox and the offsets make effects happen once, the outbox sends events that
-- belong to a transaction. Apply with psql -f; applying it again changes nothing.

BEGIN;

CREATE SCHEMA IF NOT EXISTS bus;

-- Events that a consumer group has dealt with. A row is written in the transaction of
-- the handler, so it is there exactly when the handler's effects are. Rows are kept
-- longer than the topic's retention and the oldest letter that may be replayed.
CREATE TABLE IF NOT EXISTS bus.inbox (
	consumer_group text        NOT NULL,
	event_id       text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 128),
	processed_at   timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (consumer_group, event_id)
);
CREATE INDEX IF NOT EXISTS inbox_processed_at ON bus.inbox USING brin (processed_at);

-- The offset that a group's next record of a partition has, moved in the transaction
-- of the records before it. topic_id is the topic's own id, so that a topic that was
-- deleted and made again starts anew; '' where the brokers have no ids.
CREATE TABLE IF NOT EXISTS bus.consumer_offsets (
	consumer_group text        NOT NULL,
	topic          text        NOT NULL,
	topic_id       text        NOT NULL DEFAULT '',
	part           integer     NOT NULL CHECK (part >= 0),
	next_offset    bigint      NOT NULL CHECK (next_offset >= 0),
	updated_at     timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (consumer_group, topic, topic_id, part)
);

-- Events to be sent, with the columns that Debezium's outbox event router reads by
-- default; the relay of pgbus needs the others. aggregatetype is the topic,
-- aggregateid the record key, payload the envelope, as json so that its text stays.
-- For Debezium set route.topic.replacement to ${routedByValue} and place traceparent
-- with table.fields.additional.placement=traceparent:header.
CREATE TABLE IF NOT EXISTS bus.outbox (
	id            text        NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
	aggregatetype text        NOT NULL,
	aggregateid   text        NOT NULL,
	type          text        NOT NULL,
	payload       json        NOT NULL,
	traceparent   text,
	position      bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
	created_at    timestamptz NOT NULL DEFAULT now(),
	-- Why the broker or the contract refuses the event. Such a row stays and holds
	-- back the later ones of its key until somebody deletes it or mends it and sets
	-- both columns to NULL.
	refused_at    timestamptz,
	refusal       text
);
CREATE INDEX IF NOT EXISTS outbox_position ON bus.outbox (position);
CREATE INDEX IF NOT EXISTS outbox_refused ON bus.outbox (aggregatetype, aggregateid, position) WHERE refused_at IS NOT NULL;

COMMIT;
