package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for name, want := range map[string]string{
		"billing.invoice_created": "invoiceId string! amount integer! currency string! dueDate string! periodStart string! periodEnd string! " +
			"invoiceNumber string subscriptionId string taxAmount integer lineItems array lineItems[].description string! lineItems[].quantity integer! lineItems[].unitAmount integer!",
		"user.password_changed": "id string! method string! changedAt string! sessionsRevoked boolean ipAddress string",
	} {
		list, err := c.Members(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			text := m.Path + " " + strings.Join(m.Types, "|")
			if m.Required {
				text += "!"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, strings.Join(got, " "), want)
		}
	}
	list, err := c.Members("user.password_changed")
	if err != nil || fmt.Sprint(list[1].Values) != `["self_service" "reset" "admin"]` || list[4].Format != "ipv4|ipv6" {
		t.Errorf("%+v, %v", list, err)
	}
	// An enum without a type says the types by its values.
	own, err := catalogue(t, order("1.0", `{"type":"object","properties":{"kind":{"enum":["web",2,2.5,null]},"any":{}}}`)).Members("order.made")
	if err != nil || fmt.Sprint(own[0].Types) != "[null number string]" || len(own[1].Types) != 6 {
		t.Errorf("%+v, %v", own, err)
	}
	if _, err := c.Members("user.gone"); !errors.Is(err, events.ErrUnknownType) {
		t.Errorf("an unknown type: %v", err)
	}
}
