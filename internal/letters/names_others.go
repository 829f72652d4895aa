package letters

import "strings"

// spring reads what follows kafka_: the recoverer's names begin with dlt-,
// those of @RetryableTopic lack it. Any other header of Spring's is the record's own.
func spring(rest string) (source, part, bool) {
	from := fromSpringRetry
	if after, is := strings.CutPrefix(rest, "dlt-"); is {
		from, rest = fromSpring, after
	}
	switch rest {
	case "original-topic":
		return from, partTopic, true
	case "original-partition":
		return from, partPartition, true
	case "original-offset":
		return from, partOffset, true
	case "original-timestamp":
		return from, partTimestamp, true
	case "original-timestamp-type":
		return from, partNone, true
	case "original-consumer-group":
		return from, partGroup, true
	case "exception-fqcn", "key-exception-fqcn":
		return from, partClass, true
	case "exception-cause-fqcn":
		return from, partCause, true
	case "exception-message", "key-exception-message":
		return from, partMessage, true
	case "exception-stacktrace", "key-exception-stacktrace":
		return from, partStack, true
	}
	return from, partNone, from == fromSpring
}

// coordinate knows the names that most producers have, behind a prefix of their
// own, for where the record came from.
func coordinate(rest string) part {
	switch rest {
	case "topic":
		return partTopic
	case "partition":
		return partPartition
	case "offset":
		return partOffset
	}
	return partNone
}

func connect(rest string) (source, part, bool) {
	p := coordinate(rest)
	switch rest {
	case "connector.name":
		p = partConnector
	case "stage":
		p = partStage
	case "exception.class.name":
		p = partClass
	case "exception.message":
		p = partMessage
	case "exception.stacktrace":
		p = partStack
	}
	return fromConnect, p, true
}

func streams(rest string) (source, part, bool) {
	p := coordinate(rest)
	switch rest {
	case "exception":
		p = partClass
	case "message":
		p = partMessage
	case "stacktrace":
		p = partStack
	}
	return fromStreams, p, true
}

func share(rest string) (source, part, bool) {
	p := coordinate(rest)
	switch rest {
	case "group":
		p = partGroup
	case "delivery.count":
		p = partAttempts
	case "message":
		p = partMessage
	}
	return fromShare, p, true
}

func smallRye(rest string) (source, part, bool) {
	p := coordinate(rest)
	switch rest {
	case "reason":
		p = partMessage
	case "exception-class-name":
		p = partClass
	case "cause-class-name":
		p = partCause
	}
	return fromSmallRye, p, true
}

// otherLower knows Watermill's names and those that Spring writes without its prefix.
func otherLower(name string) (source, part, bool) {
	switch name {
	case "reason_poisoned":
		return fromWatermill, partMessage, true
	case "topic_poisoned":
		return fromWatermill, partTopic, true
	case "handler_poisoned":
		return fromWatermill, partStage, true
	case "subscriber_poisoned":
		return fromWatermill, partNone, true
	case "retry_topic-attempts":
		return fromSpringRetry, partAttempts, true
	case "retry_topic-original-timestamp", "retry_topic-backoff-timestamp":
		return fromSpringRetry, partNone, true
	case "springDeserializerExceptionKey", "springDeserializerExceptionValue":
		// A serialised Java exception of some kilobytes.
		return fromSpring, partNone, true
	}
	return 0, 0, false
}

// massTransit knows the headers of MassTransit and of NServiceBus, which mean the same.
func massTransit(name string) (source, part, bool) {
	if rest, is := strings.CutPrefix(name, "MT-Fault-"); is {
		p := partNone
		switch rest {
		case "ExceptionType":
			p = partClass
		case "Message":
			p = partMessage
		case "StackTrace":
			p = partStack
		case "Timestamp":
			p = partFailed
		case "ConsumerType":
			p = partStage
		case "RetryCount":
			p = partAttempts
		}
		return fromMassTransit, p, true
	}
	switch name {
	case "NServiceBus.ExceptionInfo.ExceptionType":
		return fromMassTransit, partClass, true
	case "NServiceBus.ExceptionInfo.Message":
		return fromMassTransit, partMessage, true
	case "NServiceBus.ExceptionInfo.StackTrace":
		return fromMassTransit, partStack, true
	case "NServiceBus.ExceptionInfo.InnerExceptionType":
		return fromMassTransit, partCause, true
	case "NServiceBus.TimeOfFailure":
		return fromMassTransit, partFailed, true
	case "NServiceBus.FailedQ":
		return fromMassTransit, partTopic, true
	}
	return fromMassTransit, partNone, strings.HasPrefix(name, "NServiceBus.ExceptionInfo.")
}
