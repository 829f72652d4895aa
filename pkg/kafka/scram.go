package kafka

import "github.com/xdg-go/scram"

// scramClient is one login by SCRAM (RFC 5802).
type scramClient struct {
	mechanism string
	talk      *scram.ClientConversation
}

// Begin implements sarama.SCRAMClient.
func (s *scramClient) Begin(username, password, authzID string) error {
	hash := scram.SHA512
	if s.mechanism == mechanismScram256 {
		hash = scram.SHA256
	}
	client, err := hash.NewClient(username, password, authzID)
	if err != nil {
		return err
	}
	// A server that asks for fewer could have the password guessed from its
	// answers; Kafka's own lower bound is 4096 (RFC 7677).
	s.talk = client.WithMinIterations(4096).NewConversation()
	return nil
}

// Step implements sarama.SCRAMClient.
func (s *scramClient) Step(challenge string) (string, error) { return s.talk.Step(challenge) }

// Done implements sarama.SCRAMClient.
func (s *scramClient) Done() bool { return s.talk.Done() }
