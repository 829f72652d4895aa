// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"encoding/json"
	"time"
)

// TenantActivated is the data of tenant.activated: a tenant got access, for the first time or again.
type TenantActivated struct {
	ID             string                        `json:"id"`
	ActivatedAt    time.Time                     `json:"activatedAt"`
	PreviousStatus TenantActivatedPreviousStatus `json:"previousStatus,omitempty"`
	ActivatedBy    string                        `json:"activatedBy,omitempty"`
}

// TenantActivatedPreviousStatus is one of the constants that begin with its name.
type TenantActivatedPreviousStatus string

// The values of TenantActivatedPreviousStatus.
const (
	TenantActivatedPreviousStatusPending   TenantActivatedPreviousStatus = "pending"
	TenantActivatedPreviousStatusSuspended TenantActivatedPreviousStatus = "suspended"
)

// TenantCreated is the data of tenant.created: a tenant was created and its schema prepared.
type TenantCreated struct {
	// The tenant; the record's key.
	ID string `json:"id"`
	// The name people see.
	Name string `json:"name"`
	// The tenant's PostgreSQL schema.
	SchemaName string `json:"schemaName"`
	// The package the tenant subscribed to.
	PackageID string `json:"packageId"`
	// Where invoices go.
	BillingEmail string `json:"billingEmail"`
	// When the subscription starts.
	SubscriptionStartDate time.Time `json:"subscriptionStartDate"`
	// The modules switched on from the start.
	InitialModules []string `json:"initialModules"`
	// Where the tenant's data is kept.
	Region string `json:"region,omitempty"`
	// The price plan within the package.
	Plan string `json:"plan,omitempty"`
}

// TenantDeleted is the data of tenant.deleted: a tenant was deleted.
type TenantDeleted struct {
	ID        string    `json:"id"`
	DeletedAt time.Time `json:"deletedAt"`
	// soft: can be brought back until purgeAfter; hard: gone.
	Mode TenantDeletedMode `json:"mode"`
	// From when the data of a soft deletion is removed.
	PurgeAfter *time.Time `json:"purgeAfter,omitempty"`
	DeletedBy  string     `json:"deletedBy,omitempty"`
	Reason     *string    `json:"reason,omitempty"`
}

// TenantDeletedMode is one of the constants that begin with its name.
type TenantDeletedMode string

// The values of TenantDeletedMode.
const (
	TenantDeletedModeSoft TenantDeletedMode = "soft"
	TenantDeletedModeHard TenantDeletedMode = "hard"
)

// TenantPackageChanged is the data of tenant.package_changed: a tenant moved to another package.
type TenantPackageChanged struct {
	ID             string                         `json:"id"`
	OldPackageID   string                         `json:"oldPackageId"`
	NewPackageID   string                         `json:"newPackageId"`
	ChangeType     TenantPackageChangedChangeType `json:"changeType"`
	EffectiveAt    time.Time                      `json:"effectiveAt"`
	AddedModules   []string                       `json:"addedModules,omitempty"`
	RemovedModules []string                       `json:"removedModules,omitempty"`
	// Whether the running period is charged in part.
	Prorated *bool `json:"prorated,omitempty"`
}

// TenantPackageChangedChangeType is one of the constants that begin with its name.
type TenantPackageChangedChangeType string

// The values of TenantPackageChangedChangeType.
const (
	TenantPackageChangedChangeTypeUpgrade   TenantPackageChangedChangeType = "upgrade"
	TenantPackageChangedChangeTypeDowngrade TenantPackageChangedChangeType = "downgrade"
	TenantPackageChangedChangeTypeLateral   TenantPackageChangedChangeType = "lateral"
)

// TenantSuspended is the data of tenant.suspended: a tenant lost access for the time being.
type TenantSuspended struct {
	ID          string                `json:"id"`
	Reason      TenantSuspendedReason `json:"reason"`
	SuspendedAt time.Time             `json:"suspendedAt"`
	SuspendedBy string                `json:"suspendedBy,omitempty"`
	// Until when the tenant's data stays untouched.
	GracePeriodEndsAt *time.Time `json:"gracePeriodEndsAt,omitempty"`
}

// TenantSuspendedReason is one of the constants that begin with its name.
type TenantSuspendedReason string

// The values of TenantSuspendedReason.
const (
	TenantSuspendedReasonPaymentOverdue  TenantSuspendedReason = "payment_overdue"
	TenantSuspendedReasonPolicyViolation TenantSuspendedReason = "policy_violation"
	TenantSuspendedReasonManual          TenantSuspendedReason = "manual"
	TenantSuspendedReasonTrialExpired    TenantSuspendedReason = "trial_expired"
)

// TenantUpdated is the data of tenant.updated: a tenant's settings were changed.
type TenantUpdated struct {
	ID string `json:"id"`
	// By field: its value before, where there was one, and after.
	Changes map[string]TenantUpdatedChange `json:"changes"`
	// The names of the fields that changed.
	UpdatedFields []string `json:"updatedFields"`
	UpdatedBy     string   `json:"updatedBy,omitempty"`
}

// TenantUpdatedChange is a part of the data of the type above.
type TenantUpdatedChange struct {
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to"`
}
