package eventbus

import "context"

// subscription is one membership of a consumer group.
type subscription struct {
	bus *Bus
}

// stop ends the membership and waits for what runs.
func (s *subscription) stop(context.Context) error { return nil }

// state tells what the subscription is doing.
func (s *subscription) state() GroupState { return GroupState{} }
