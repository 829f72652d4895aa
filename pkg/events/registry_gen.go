package events

const (
	TenantCreated                 = "tenant.created"
	TenantUpdated                 = "tenant.updated"
	TenantSuspended               = "tenant.suspended"
	TenantActivated               = "tenant.activated"
	TenantDeleted                 = "tenant.deleted"
	TenantPackageChanged          = "tenant.package_changed"
	UserCreated                   = "user.created"
	UserUpdated                   = "user.updated"
	UserDeleted                   = "user.deleted"
	UserPasswordChanged           = "user.password_changed"
	UserRoleAssigned              = "user.role_assigned"
	UserMfaEnabled                = "user.mfa_enabled"
	UserMfaDisabled               = "user.mfa_disabled"
	UserLoginSucceeded            = "user.login_succeeded"
	UserLoginFailed               = "user.login_failed"
	UserLocked                    = "user.locked"
	UserUnlocked                  = "user.unlocked"
	BillingInvoiceCreated         = "billing.invoice_created"
	BillingPaymentSucceeded       = "billing.payment_succeeded"
	BillingPaymentFailed          = "billing.payment_failed"
	BillingSubscriptionRenewed    = "billing.subscription_renewed"
	BillingSubscriptionCancelled  = "billing.subscription_cancelled"
	NotificationEmailRequested    = "notification.email_requested"
	NotificationEmailSent         = "notification.email_sent"
	NotificationEmailFailed       = "notification.email_failed"
	NotificationInAppCreated      = "notification.in_app_created"
	NotificationInAppRead         = "notification.in_app_read"
	FileUploaded                  = "file.uploaded"
	FileDownloaded                = "file.downloaded"
	FileDeleted                   = "file.deleted"
	FileScanned                   = "file.scanned"
	FileShared                    = "file.shared"
	AnalyticsUserActivityRecorded = "analytics.user_activity_recorded"
	AnalyticsReportGenerated      = "analytics.report_generated"
	AnalyticsMetricUpdated        = "analytics.metric_updated"
)

type row struct {
	name, summary string
	versions      []string
}

func registry() []row {
	return []row{
		{"tenant.created", "A tenant was created and its schema prepared.", []string{"1.0"}},
		{"tenant.updated", "A tenant's settings were changed.", []string{"1.0"}},
		{"tenant.suspended", "A tenant lost access for the time being.", []string{"1.0"}},
		{"tenant.activated", "A tenant got access, for the first time or again.", []string{"1.0"}},
		{"tenant.deleted", "A tenant was deleted.", []string{"1.0"}},
		{"tenant.package_changed", "A tenant moved to another package.", []string{"1.0"}},
		{"user.created", "A user account was created or invited.", []string{"1.0"}},
		{"user.updated", "A user account was changed.", []string{"1.0"}},
		{"user.deleted", "A user account was deleted. It carries the id alone, which lets consumers erase what they hold.", []string{"1.0"}},
		{"user.password_changed", "A user's password was changed.", []string{"1.0"}},
		{"user.role_assigned", "A user was given a role.", []string{"1.0"}},
		{"user.mfa_enabled", "A user switched a second factor on.", []string{"1.0"}},
		{"user.mfa_disabled", "A user's second factor was switched off.", []string{"1.0"}},
		{"user.login_succeeded", "A user logged in.", []string{"1.0"}},
		{"user.login_failed", "A log-in was refused. The user is known by id, or an unknown one by the hash of what was typed.", []string{"1.0"}},
		{"user.locked", "A user account was locked.", []string{"1.0"}},
		{"user.unlocked", "A user account was unlocked.", []string{"1.0"}},
		{"billing.invoice_created", "An invoice was issued to a tenant.", []string{"1.0"}},
		{"billing.payment_succeeded", "An invoice was paid.", []string{"1.0"}},
		{"billing.payment_failed", "An attempt to collect a payment failed.", []string{"1.0"}},
		{"billing.subscription_renewed", "A subscription went into its next period. An amount comes with its currency or not at all.", []string{"1.0"}},
		{"billing.subscription_cancelled", "A subscription was cancelled.", []string{"1.0"}},
		{"notification.email_requested", "An e-mail is to be sent, to a user or to an address. It carries no message body: the template has it.", []string{"1.0"}},
		{"notification.email_sent", "An e-mail was handed to the provider.", []string{"1.0"}},
		{"notification.email_failed", "An e-mail could not be delivered.", []string{"1.0"}},
		{"notification.in_app_created", "A user has a new notification in the application.", []string{"1.0"}},
		{"notification.in_app_read", "A user has read a notification.", []string{"1.0"}},
		{"file.uploaded", "A file was stored.", []string{"1.0"}},
		{"file.downloaded", "A file was downloaded.", []string{"1.0"}},
		{"file.deleted", "A file was deleted.", []string{"1.0"}},
		{"file.scanned", "A file was scanned for malware.", []string{"1.0"}},
		{"file.shared", "A file was shared.", []string{"1.0"}},
		{"analytics.user_activity_recorded", "A user did something worth counting.", []string{"1.0"}},
		{"analytics.report_generated", "A report is ready.", []string{"1.0"}},
		{"analytics.metric_updated", "A metric has a new value.", []string{"1.0"}},
	}
}
