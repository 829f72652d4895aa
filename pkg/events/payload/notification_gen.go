// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"encoding/json"
	"time"
)

// NotificationEmailFailed is the data of notification.email_failed: an e-mail could not be delivered.
type NotificationEmailFailed struct {
	NotificationID string                           `json:"notificationId"`
	ErrorCode      string                           `json:"errorCode"`
	ErrorType      NotificationEmailFailedErrorType `json:"errorType"`
	// Whether another attempt is pointless.
	Permanent bool      `json:"permanent"`
	Attempt   int64     `json:"attempt"`
	FailedAt  time.Time `json:"failedAt"`
	Provider  string    `json:"provider,omitempty"`
	// The status the receiving server gave, such as 550 5.1.1.
	SmtpStatus string `json:"smtpStatus,omitempty"`
}

// NotificationEmailFailedErrorType is one of the constants that begin with its name.
type NotificationEmailFailedErrorType string

// The values of NotificationEmailFailedErrorType.
const (
	NotificationEmailFailedErrorTypeBounce        NotificationEmailFailedErrorType = "bounce"
	NotificationEmailFailedErrorTypeDropped       NotificationEmailFailedErrorType = "dropped"
	NotificationEmailFailedErrorTypeDeferred      NotificationEmailFailedErrorType = "deferred"
	NotificationEmailFailedErrorTypeRejected      NotificationEmailFailedErrorType = "rejected"
	NotificationEmailFailedErrorTypeProviderError NotificationEmailFailedErrorType = "provider_error"
)

// NotificationEmailRequested is the data of notification.email_requested: an e-mail is to be sent, to
// a user or to an address. It carries no message body: the template has it.
type NotificationEmailRequested struct {
	NotificationID  string `json:"notificationId"`
	TemplateID      string `json:"templateId"`
	RecipientUserID string `json:"recipientUserId,omitempty"`
	RecipientEmail  string `json:"recipientEmail,omitempty"`
	// A BCP 47 language tag.
	Locale string `json:"locale,omitempty"`
	// What the template is filled with; no secrets.
	Variables   map[string]json.RawMessage         `json:"variables,omitempty"`
	Priority    NotificationEmailRequestedPriority `json:"priority,omitempty"`
	ScheduledAt *time.Time                         `json:"scheduledAt,omitempty"`
	Category    string                             `json:"category,omitempty"`
}

// NotificationEmailRequestedPriority is one of the constants that begin with its name.
type NotificationEmailRequestedPriority string

// The values of NotificationEmailRequestedPriority.
const (
	NotificationEmailRequestedPriorityLow    NotificationEmailRequestedPriority = "low"
	NotificationEmailRequestedPriorityNormal NotificationEmailRequestedPriority = "normal"
	NotificationEmailRequestedPriorityHigh   NotificationEmailRequestedPriority = "high"
)

// NotificationEmailSent is the data of notification.email_sent: an e-mail was handed to the provider.
type NotificationEmailSent struct {
	NotificationID    string    `json:"notificationId"`
	Provider          string    `json:"provider"`
	SentAt            time.Time `json:"sentAt"`
	ProviderMessageID string    `json:"providerMessageId,omitempty"`
	Attempt           *int64    `json:"attempt,omitempty"`
	RecipientUserID   string    `json:"recipientUserId,omitempty"`
}

// NotificationInAppCreated is the data of notification.in_app_created: a user has a new notification
// in the application.
type NotificationInAppCreated struct {
	NotificationID  string `json:"notificationId"`
	RecipientUserID string `json:"recipientUserId"`
	Category        string `json:"category"`
	Title           string `json:"title"`
	// A path within the application; never another host.
	ActionURL string     `json:"actionUrl,omitempty"`
	Severity  string     `json:"severity,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Body      *string    `json:"body,omitempty"`
}

// NotificationInAppRead is the data of notification.in_app_read: a user has read a notification.
type NotificationInAppRead struct {
	NotificationID  string                       `json:"notificationId"`
	RecipientUserID string                       `json:"recipientUserId"`
	ReadAt          time.Time                    `json:"readAt"`
	Channel         NotificationInAppReadChannel `json:"channel,omitempty"`
}

// NotificationInAppReadChannel is one of the constants that begin with its name.
type NotificationInAppReadChannel string

// The values of NotificationInAppReadChannel.
const (
	NotificationInAppReadChannelWeb    NotificationInAppReadChannel = "web"
	NotificationInAppReadChannelMobile NotificationInAppReadChannel = "mobile"
)
