package dlq_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A quota of the cluster holds the replay back between its transactions, where it can
// be told to stop; in one it would outlive the transaction.
func TestReplayUnderAQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 2)
	const n = 6000 // more than one transaction
	b.fill(0, n, 100)
	admin := b.admin()
	defer admin.Close()
	client := "slow-" + b.source
	err := admin.AlterClientQuotas([]sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Name: client}},
		sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: 20_000}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := b.start("-X", "client.id="+client)
	if !await(t, time.Minute, func() bool {
		return strings.Contains(s.out.String(), "a quota of the cluster holds the replay back, now for ")
	}) {
		_ = s.cmd.Process.Kill()
		t.Fatalf("no quota holds it back:\n%s", s.out.String())
	}
	began := time.Now()
	signal(t, s, syscall.SIGINT)
	out, code := s.wait(t)
	if code != 130 {
		t.Errorf("exit %d, want 130\n%s", code, out)
	}
	// It would have waited for more than a minute.
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to stop\n%s", took, out)
	}
	b.mustReplay()
	b.mustBeExact(n)
}
