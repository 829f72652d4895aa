package dlq_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// payment is an event whose amount is a string, as a producer sent it by
// mistake. The number beyond 2^53 and the spelling of the other are not to change.
func payment(i int, amount, currency string) string {
	return fmt.Sprintf(`{"id":"019b7021-990f-7afd-a869-%012d","type":"billing.payment_succeeded","source":"billing-service","time":"2026-02-18T09:08:01.948Z",`+
		`"dataVersion":"1.0","dataContentType":"application/json","tenantId":"019bf604-bb80-7d14-9078-11e7c89e6d5d","data":{"z":1.50,"ledgerNo":%d,`+
		`"paymentId":"019acd66-e645-7729-84dd-6ec974bbb4c2","invoiceId":"019addcd-aae4-7945-932a-8d583a1070d3","amount":%s,"currency":"%s","paidAt":"2026-02-18T09:07:57.628Z"}}`,
		i, int64(9007199254740993)+int64(i), amount, currency)
}

// One person plans a change of letters with checks, another one on another
// machine lets it go: what the plan holds is sent once, what it refuses stays
// with the pointer to what is wrong, and what came later is not touched.
func TestAPlanOfChangesIsAppliedBySomebodyElse(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 1)
	fail := failure{"BadAmount", "amount is a string"}
	const n = 300
	refused := func(i int) bool { return i%50 == 7 }
	var want strings.Builder
	var list []kafka.Record
	for at := range n {
		currency := "EUR"
		if refused(at) {
			currency = "euro"
		} else {
			want.WriteString(payment(at, fmt.Sprint(100+at), currency) + "\n")
		}
		list = append(list, b.failed(at, fail, payment(at, fmt.Sprintf(`"%d"`, 100+at), currency)))
	}
	b.put(list...)
	change := []string{"--jq", ".data.amount |= tonumber", "--validate", "event", "--set-header", "fixed-by=anna"}
	file := filepath.Join(t.TempDir(), "plan.json")
	out, code := b.replay(append(change, "--operator", "anna", "--reason", "INC-9", "--plan", file)...)
	if code != 0 {
		t.Fatalf("plan: exit %d\n%s", code, out)
	}
	says(t, out, `^wrote the plan of 294 letters to .*; nothing was sent$`)
	sum := lineOf(t, out, `^its sum is (sha256-[0-9a-f]{64})$`)
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the plan file is of mode %v, %v; want 0600", info.Mode(), err)
	}
	if strings.Contains(string(body), "90071992547") || strings.Contains(string(body), "019acd66") {
		t.Errorf("the plan file holds what letters hold:\n%s", body)
	}
	if got := peers.KcatConsume(t, b.conn, b.source, "-f", "%s\n"); len(got) > 0 {
		t.Fatalf("the plan sent %s", got)
	}
	b.put(b.failed(n, fail, payment(n, `"1"`, "EUR"))) // after the plan

	// without an agreement nothing is sent, and what would be is shown
	out = b.mustRun(2, "dlq", "apply", file, "--operator", "ben")
	says(t, out, `^sum +`+sum+`$`)
	says(t, out, `^  \| \.data\.amount \|= tonumber$`)
	says(t, out, `^set +header "fixed-by" to "anna"$`)
	says(t, out, `^check +event$`)
	says(t, out, `^changes 294 of 300 letters$`)
	says(t, out, `^  - +"amount": "\d+",$`)
	hash := lineOf(t, out, `^hash +([0-9a-f]{16}),`)

	out = b.mustRun(5, "dlq", "apply", file, "--operator", "ben", "-y")
	says(t, out, `^left 6 \(first 0@7\): /data/currency: .+$`)
	run := lineOf(t, out, `^run ([0-9A-Z]{26}): replayed 294 letters in `)
	once := func() {
		t.Helper()
		got := string(peers.KcatConsume(t, b.conn, b.source, "-X", "isolation.level=read_committed", "-f", "%s\n"))
		if got != want.String() {
			t.Errorf("the target holds %d letters\n%.2000s\nwant %d\n%.2000s", strings.Count(got, "\n"), got, strings.Count(want.String(), "\n"), want.String())
		}
	}
	once()
	says(t, b.mustRun(0, "dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json"), `"pending": 7,?$`)
	out = b.mustRun(0, "dlq", "runs", run, "--ledger", b.ledger, "-o", "json")
	says(t, out, `"reason": "INC-9",$`)
	says(t, out, `"operator": "ben",$`)
	says(t, b.mustRun(0, "dlq", "trace", b.queue, "0@0", "--ledger", b.ledger), `replayed by ben.*, run `+run+`, to .*/0@0, changed by `+hash+`$`)

	// once more it sends nothing, and the direct way judges and is recorded alike
	out = b.mustRun(5, "dlq", "apply", file, "--operator", "ben", "-y")
	says(t, out, `^stay +6 \(first 0@7\): /data/currency: .+$`)
	once()
	out, code = b.replay(change...)
	if code != 5 {
		t.Fatalf("the direct replay: exit %d\n%s", code, out)
	}
	says(t, out, `^left 6 \(first 0@7\): /data/currency: .+$`)
	want.WriteString(payment(n, "1", "EUR") + "\n")
	once()
	offsets := strings.Fields(string(peers.KcatConsume(t, b.conn, b.queue, "-f", "%o\n")))
	last := "0@" + offsets[len(offsets)-1]
	says(t, b.mustRun(0, "dlq", "trace", b.queue, last, "--ledger", b.ledger), `, changed by `+hash+`$`)
}
