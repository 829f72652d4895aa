// Code generated from the event schemas. DO NOT EDIT.

package events

// The built-in types, by name.
const (
	TenantActivated               = "tenant.activated"
	TenantCreated                 = "tenant.created"
	TenantDeleted                 = "tenant.deleted"
	TenantPackageChanged          = "tenant.package_changed"
	TenantSuspended               = "tenant.suspended"
	TenantUpdated                 = "tenant.updated"
	UserCreated                   = "user.created"
	UserDeleted                   = "user.deleted"
	UserLocked                    = "user.locked"
	UserLoginFailed               = "user.login_failed"
	UserLoginSucceeded            = "user.login_succeeded"
	UserMFADisabled               = "user.mfa_disabled"
	UserMFAEnabled                = "user.mfa_enabled"
	UserPasswordChanged           = "user.password_changed"
	UserRoleAssigned              = "user.role_assigned"
	UserUnlocked                  = "user.unlocked"
	UserUpdated                   = "user.updated"
	BillingInvoiceCreated         = "billing.invoice_created"
	BillingPaymentFailed          = "billing.payment_failed"
	BillingPaymentSucceeded       = "billing.payment_succeeded"
	BillingSubscriptionCancelled  = "billing.subscription_cancelled"
	BillingSubscriptionRenewed    = "billing.subscription_renewed"
	NotificationEmailFailed       = "notification.email_failed"
	NotificationEmailRequested    = "notification.email_requested"
	NotificationEmailSent         = "notification.email_sent"
	NotificationInAppCreated      = "notification.in_app_created"
	NotificationInAppRead         = "notification.in_app_read"
	FileDeleted                   = "file.deleted"
	FileDownloaded                = "file.downloaded"
	FileScanned                   = "file.scanned"
	FileShared                    = "file.shared"
	FileUploaded                  = "file.uploaded"
	AnalyticsMetricUpdated        = "analytics.metric_updated"
	AnalyticsReportGenerated      = "analytics.report_generated"
	AnalyticsUserActivityRecorded = "analytics.user_activity_recorded"
)

// row is one type as the schema files have it.
type row struct {
	name, summary string
	versions      []string
}

func registry() []row {
	return []row{
		{TenantActivated, "A tenant got access, for the first time or again.", []string{"1.0"}},
		{TenantCreated, "A tenant was created and its schema prepared.", []string{"1.0"}},
		{TenantDeleted, "A tenant was deleted.", []string{"1.0"}},
		{TenantPackageChanged, "A tenant moved to another package.", []string{"1.0"}},
		{TenantSuspended, "A tenant lost access for the time being.", []string{"1.0"}},
		{TenantUpdated, "A tenant's settings were changed.", []string{"1.0"}},
		{UserCreated, "A user account was created or invited.", []string{"1.0"}},
		{UserDeleted, "A user account was deleted. It carries the id alone, which lets consumers erase what they hold.", []string{"1.0"}},
		{UserLocked, "A user account was locked.", []string{"1.0"}},
		{UserLoginFailed, "A log-in was refused. The user is known by id, or an unknown one by the hash of what was typed.", []string{"1.0"}},
		{UserLoginSucceeded, "A user logged in.", []string{"1.0"}},
		{UserMFADisabled, "A user's second factor was switched off.", []string{"1.0"}},
		{UserMFAEnabled, "A user switched a second factor on.", []string{"1.0"}},
		{UserPasswordChanged, "A user's password was changed.", []string{"1.0"}},
		{UserRoleAssigned, "A user was given a role.", []string{"1.0"}},
		{UserUnlocked, "A user account was unlocked.", []string{"1.0"}},
		{UserUpdated, "A user account was changed.", []string{"1.0"}},
		{BillingInvoiceCreated, "An invoice was issued to a tenant.", []string{"1.0"}},
		{BillingPaymentFailed, "An attempt to collect a payment failed.", []string{"1.0"}},
		{BillingPaymentSucceeded, "An invoice was paid.", []string{"1.0"}},
		{BillingSubscriptionCancelled, "A subscription was cancelled.", []string{"1.0"}},
		{BillingSubscriptionRenewed, "A subscription went into its next period. An amount comes with its currency or not at all.", []string{"1.0"}},
		{NotificationEmailFailed, "An e-mail could not be delivered.", []string{"1.0"}},
		{NotificationEmailRequested, "An e-mail is to be sent, to a user or to an address. It carries no message body: the template has it.", []string{"1.0"}},
		{NotificationEmailSent, "An e-mail was handed to the provider.", []string{"1.0"}},
		{NotificationInAppCreated, "A user has a new notification in the application.", []string{"1.0"}},
		{NotificationInAppRead, "A user has read a notification.", []string{"1.0"}},
		{FileDeleted, "A file was deleted.", []string{"1.0"}},
		{FileDownloaded, "A file was downloaded.", []string{"1.0"}},
		{FileScanned, "A file was scanned for malware.", []string{"1.0"}},
		{FileShared, "A file was shared.", []string{"1.0"}},
		{FileUploaded, "A file was stored.", []string{"1.0"}},
		{AnalyticsMetricUpdated, "A metric has a new value.", []string{"1.0"}},
		{AnalyticsReportGenerated, "A report is ready.", []string{"1.0"}},
		{AnalyticsUserActivityRecorded, "A user did something worth counting.", []string{"1.0"}},
	}
}
