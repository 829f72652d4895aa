package console

import (
	"time"

	"github.com/IBM/sarama"
)

// hold notes for how long a quota makes the broker take no more.
func (e *engine) hold(leader *sarama.Broker, res *sarama.ProduceResponse) {
	if res == nil || res.ThrottleTime <= 0 {
		return
	}
	e.quotas.Lock()
	defer e.quotas.Unlock()
	e.held[leader] = time.Now().Add(res.ThrottleTime)
}

// rest waits until the broker takes requests; false when the run is to end. The
// protocol library would wait as well, and could not be called away.
func (e *engine) rest(leader *sarama.Broker) bool {
	e.quotas.Lock()
	wait := time.Until(e.held[leader])
	e.quotas.Unlock()
	return wait <= 0 || e.wait(wait)
}
