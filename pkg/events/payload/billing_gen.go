// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"time"
)

// BillingInvoiceCreated is the data of billing.invoice_created: an invoice was issued to a tenant.
type BillingInvoiceCreated struct {
	InvoiceID string `json:"invoiceId"`
	// In the currency's minor unit.
	Amount int64 `json:"amount"`
	// ISO 4217.
	Currency    string    `json:"currency"`
	DueDate     string    `json:"dueDate"`
	PeriodStart time.Time `json:"periodStart"`
	PeriodEnd   time.Time `json:"periodEnd"`
	// The number printed on the invoice.
	InvoiceNumber  string `json:"invoiceNumber,omitempty"`
	SubscriptionID string `json:"subscriptionId,omitempty"`
	// The tax within amount.
	TaxAmount *int64                          `json:"taxAmount,omitempty"`
	LineItems []BillingInvoiceCreatedLineItem `json:"lineItems,omitempty"`
}

// BillingInvoiceCreatedLineItem is a part of the data of the type above.
type BillingInvoiceCreatedLineItem struct {
	Description string `json:"description"`
	Quantity    int64  `json:"quantity"`
	// In the currency's minor unit.
	UnitAmount int64 `json:"unitAmount"`
}

// BillingPaymentFailed is the data of billing.payment_failed: an attempt to collect a payment failed.
type BillingPaymentFailed struct {
	PaymentID string `json:"paymentId"`
	InvoiceID string `json:"invoiceId"`
	// In the currency's minor unit.
	Amount int64 `json:"amount"`
	// ISO 4217.
	Currency      string                          `json:"currency"`
	FailureCode   BillingPaymentFailedFailureCode `json:"failureCode"`
	AttemptNumber int64                           `json:"attemptNumber"`
	FailedAt      time.Time                       `json:"failedAt"`
	NextRetryAt   *time.Time                      `json:"nextRetryAt,omitempty"`
	Provider      string                          `json:"provider,omitempty"`
}

// BillingPaymentFailedFailureCode is one of the constants that begin with its name.
type BillingPaymentFailedFailureCode string

// The values of BillingPaymentFailedFailureCode.
const (
	BillingPaymentFailedFailureCodeCardDeclined      BillingPaymentFailedFailureCode = "card_declined"
	BillingPaymentFailedFailureCodeInsufficientFunds BillingPaymentFailedFailureCode = "insufficient_funds"
	BillingPaymentFailedFailureCodeExpiredCard       BillingPaymentFailedFailureCode = "expired_card"
	BillingPaymentFailedFailureCodeProcessingError   BillingPaymentFailedFailureCode = "processing_error"
	BillingPaymentFailedFailureCodeOther             BillingPaymentFailedFailureCode = "other"
)

// BillingPaymentSucceeded is the data of billing.payment_succeeded: an invoice was paid.
type BillingPaymentSucceeded struct {
	PaymentID string `json:"paymentId"`
	InvoiceID string `json:"invoiceId"`
	// In the currency's minor unit.
	Amount int64 `json:"amount"`
	// ISO 4217.
	Currency string    `json:"currency"`
	PaidAt   time.Time `json:"paidAt"`
	Provider string    `json:"provider,omitempty"`
	// The provider's id of the payment; never a card or account number.
	ProviderReference string                            `json:"providerReference,omitempty"`
	MethodType        BillingPaymentSucceededMethodType `json:"methodType,omitempty"`
}

// BillingPaymentSucceededMethodType is one of the constants that begin with its name.
type BillingPaymentSucceededMethodType string

// The values of BillingPaymentSucceededMethodType.
const (
	BillingPaymentSucceededMethodTypeCard         BillingPaymentSucceededMethodType = "card"
	BillingPaymentSucceededMethodTypeBankTransfer BillingPaymentSucceededMethodType = "bank_transfer"
	BillingPaymentSucceededMethodTypeWallet       BillingPaymentSucceededMethodType = "wallet"
)

// BillingSubscriptionCancelled is the data of billing.subscription_cancelled: a subscription was
// cancelled.
type BillingSubscriptionCancelled struct {
	SubscriptionID string                             `json:"subscriptionId"`
	CancelledAt    time.Time                          `json:"cancelledAt"`
	EffectiveAt    time.Time                          `json:"effectiveAt"`
	Reason         BillingSubscriptionCancelledReason `json:"reason"`
	CancelledBy    string                             `json:"cancelledBy,omitempty"`
	Immediate      *bool                              `json:"immediate,omitempty"`
	Feedback       *string                            `json:"feedback,omitempty"`
}

// BillingSubscriptionCancelledReason is one of the constants that begin with its name.
type BillingSubscriptionCancelledReason string

// The values of BillingSubscriptionCancelledReason.
const (
	BillingSubscriptionCancelledReasonCustomerRequest BillingSubscriptionCancelledReason = "customer_request"
	BillingSubscriptionCancelledReasonPaymentFailure  BillingSubscriptionCancelledReason = "payment_failure"
	BillingSubscriptionCancelledReasonPolicy          BillingSubscriptionCancelledReason = "policy"
	BillingSubscriptionCancelledReasonOther           BillingSubscriptionCancelledReason = "other"
)

// BillingSubscriptionRenewed is the data of billing.subscription_renewed: a subscription went into its
// next period. An amount comes with its currency or not at all.
type BillingSubscriptionRenewed struct {
	SubscriptionID string    `json:"subscriptionId"`
	PackageID      string    `json:"packageId"`
	PeriodStart    time.Time `json:"periodStart"`
	PeriodEnd      time.Time `json:"periodEnd"`
	// In the currency's minor unit.
	Amount *int64 `json:"amount,omitempty"`
	// ISO 4217.
	Currency  string `json:"currency,omitempty"`
	InvoiceID string `json:"invoiceId,omitempty"`
	AutoRenew *bool  `json:"autoRenew,omitempty"`
}
