package kafka

// Retriable tells an error that asking again may cure: a broker that is away,
// a leader that moved or is being elected, a topic not known yet.
func Retriable(err error) bool { return isRetriable(err) }
