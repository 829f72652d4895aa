// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"time"
)

// UserCreated is the data of user.created: a user account was created or invited.
type UserCreated struct {
	ID           string                  `json:"id"`
	Email        string                  `json:"email"`
	Roles        []string                `json:"roles"`
	Status       UserCreatedStatus       `json:"status"`
	AuthProvider UserCreatedAuthProvider `json:"authProvider"`
	DisplayName  string                  `json:"displayName,omitempty"`
	// A BCP 47 language tag.
	Locale    string `json:"locale,omitempty"`
	CreatedBy string `json:"createdBy,omitempty"`
}

// UserCreatedStatus is one of the constants that begin with its name.
type UserCreatedStatus string

// The values of UserCreatedStatus.
const (
	UserCreatedStatusActive  UserCreatedStatus = "active"
	UserCreatedStatusInvited UserCreatedStatus = "invited"
)

// UserCreatedAuthProvider is one of the constants that begin with its name.
type UserCreatedAuthProvider string

// The values of UserCreatedAuthProvider.
const (
	UserCreatedAuthProviderPassword UserCreatedAuthProvider = "password"
	UserCreatedAuthProviderSSO      UserCreatedAuthProvider = "sso"
	UserCreatedAuthProviderSocial   UserCreatedAuthProvider = "social"
)

// UserDeleted is the data of user.deleted: a user account was deleted. It carries the id alone, which
// lets consumers erase what they hold.
type UserDeleted struct {
	ID        string          `json:"id"`
	DeletedAt time.Time       `json:"deletedAt"`
	Mode      UserDeletedMode `json:"mode"`
	DeletedBy string          `json:"deletedBy,omitempty"`
	Reason    *string         `json:"reason,omitempty"`
}

// UserDeletedMode is one of the constants that begin with its name.
type UserDeletedMode string

// The values of UserDeletedMode.
const (
	UserDeletedModeSoft UserDeletedMode = "soft"
	UserDeletedModeHard UserDeletedMode = "hard"
)

// UserLocked is the data of user.locked: a user account was locked.
type UserLocked struct {
	ID             string           `json:"id"`
	Reason         UserLockedReason `json:"reason"`
	LockedAt       time.Time        `json:"lockedAt"`
	LockedUntil    *time.Time       `json:"lockedUntil,omitempty"`
	FailedAttempts *int64           `json:"failedAttempts,omitempty"`
	LockedBy       string           `json:"lockedBy,omitempty"`
}

// UserLockedReason is one of the constants that begin with its name.
type UserLockedReason string

// The values of UserLockedReason.
const (
	UserLockedReasonTooManyAttempts UserLockedReason = "too_many_attempts"
	UserLockedReasonAdmin           UserLockedReason = "admin"
	UserLockedReasonSecurity        UserLockedReason = "security"
)

// UserLoginFailed is the data of user.login_failed: a log-in was refused. The user is known by id, or
// an unknown one by the hash of what was typed.
type UserLoginFailed struct {
	Reason      UserLoginFailedReason `json:"reason"`
	AttemptedAt time.Time             `json:"attemptedAt"`
	// The user, where there is one.
	ID string `json:"id,omitempty"`
	// HMAC-SHA-256, in hexadecimal, of the identifier that was typed.
	IdentifierHash string  `json:"identifierHash,omitempty"`
	IPAddress      string  `json:"ipAddress,omitempty"`
	UserAgent      *string `json:"userAgent,omitempty"`
	// Failures in a row, this one included.
	AttemptCount *int64 `json:"attemptCount,omitempty"`
}

// UserLoginFailedReason is one of the constants that begin with its name.
type UserLoginFailedReason string

// The values of UserLoginFailedReason.
const (
	UserLoginFailedReasonInvalidCredentials UserLoginFailedReason = "invalid_credentials"
	UserLoginFailedReasonUserNotFound       UserLoginFailedReason = "user_not_found"
	UserLoginFailedReasonLocked             UserLoginFailedReason = "locked"
	UserLoginFailedReasonMFAFailed          UserLoginFailedReason = "mfa_failed"
	UserLoginFailedReasonExpired            UserLoginFailedReason = "expired"
	UserLoginFailedReasonBlockedIP          UserLoginFailedReason = "blocked_ip"
)

// UserLoginSucceeded is the data of user.login_succeeded: a user logged in.
type UserLoginSucceeded struct {
	ID      string                   `json:"id"`
	Method  UserLoginSucceededMethod `json:"method"`
	LoginAt time.Time                `json:"loginAt"`
	// A reference to the session; never its token.
	SessionID string  `json:"sessionId,omitempty"`
	IPAddress string  `json:"ipAddress,omitempty"`
	UserAgent *string `json:"userAgent,omitempty"`
	MFAUsed   *bool   `json:"mfaUsed,omitempty"`
	ClientID  string  `json:"clientId,omitempty"`
}

// UserLoginSucceededMethod is one of the constants that begin with its name.
type UserLoginSucceededMethod string

// The values of UserLoginSucceededMethod.
const (
	UserLoginSucceededMethodPassword UserLoginSucceededMethod = "password"
	UserLoginSucceededMethodSSO      UserLoginSucceededMethod = "sso"
	UserLoginSucceededMethodSocial   UserLoginSucceededMethod = "social"
	UserLoginSucceededMethodMFA      UserLoginSucceededMethod = "mfa"
	UserLoginSucceededMethodToken    UserLoginSucceededMethod = "token"
)

// UserMFADisabled is the data of user.mfa_disabled: a user's second factor was switched off.
type UserMFADisabled struct {
	ID         string                `json:"id"`
	Method     UserMFADisabledMethod `json:"method"`
	DisabledAt time.Time             `json:"disabledAt"`
	DisabledBy string                `json:"disabledBy"`
	Reason     *string               `json:"reason,omitempty"`
}

// UserMFADisabledMethod is one of the constants that begin with its name.
type UserMFADisabledMethod string

// The values of UserMFADisabledMethod.
const (
	UserMFADisabledMethodTOTP     UserMFADisabledMethod = "totp"
	UserMFADisabledMethodSMS      UserMFADisabledMethod = "sms"
	UserMFADisabledMethodEmail    UserMFADisabledMethod = "email"
	UserMFADisabledMethodWebauthn UserMFADisabledMethod = "webauthn"
	UserMFADisabledMethodPush     UserMFADisabledMethod = "push"
)

// UserMFAEnabled is the data of user.mfa_enabled: a user switched a second factor on.
type UserMFAEnabled struct {
	ID        string               `json:"id"`
	Method    UserMFAEnabledMethod `json:"method"`
	EnabledAt time.Time            `json:"enabledAt"`
	// The factor's id; never its secret or telephone number.
	FactorID string `json:"factorId,omitempty"`
}

// UserMFAEnabledMethod is one of the constants that begin with its name.
type UserMFAEnabledMethod string

// The values of UserMFAEnabledMethod.
const (
	UserMFAEnabledMethodTOTP     UserMFAEnabledMethod = "totp"
	UserMFAEnabledMethodSMS      UserMFAEnabledMethod = "sms"
	UserMFAEnabledMethodEmail    UserMFAEnabledMethod = "email"
	UserMFAEnabledMethodWebauthn UserMFAEnabledMethod = "webauthn"
	UserMFAEnabledMethodPush     UserMFAEnabledMethod = "push"
)

// UserPasswordChanged is the data of user.password_changed: a user's password was changed.
type UserPasswordChanged struct {
	ID        string                    `json:"id"`
	Method    UserPasswordChangedMethod `json:"method"`
	ChangedAt time.Time                 `json:"changedAt"`
	// Whether the user's other sessions were ended.
	SessionsRevoked *bool  `json:"sessionsRevoked,omitempty"`
	IPAddress       string `json:"ipAddress,omitempty"`
}

// UserPasswordChangedMethod is one of the constants that begin with its name.
type UserPasswordChangedMethod string

// The values of UserPasswordChangedMethod.
const (
	UserPasswordChangedMethodSelfService UserPasswordChangedMethod = "self_service"
	UserPasswordChangedMethodReset       UserPasswordChangedMethod = "reset"
	UserPasswordChangedMethodAdmin       UserPasswordChangedMethod = "admin"
)

// UserRoleAssigned is the data of user.role_assigned: a user was given a role.
type UserRoleAssigned struct {
	ID         string `json:"id"`
	Role       string `json:"role"`
	AssignedBy string `json:"assignedBy"`
	// What the role is limited to.
	Scope         string     `json:"scope,omitempty"`
	PreviousRoles []string   `json:"previousRoles,omitempty"`
	ExpiresAt     *time.Time `json:"expiresAt,omitempty"`
}

// UserUnlocked is the data of user.unlocked: a user account was unlocked.
type UserUnlocked struct {
	ID         string             `json:"id"`
	Method     UserUnlockedMethod `json:"method"`
	UnlockedAt time.Time          `json:"unlockedAt"`
	UnlockedBy string             `json:"unlockedBy,omitempty"`
}

// UserUnlockedMethod is one of the constants that begin with its name.
type UserUnlockedMethod string

// The values of UserUnlockedMethod.
const (
	UserUnlockedMethodAuto        UserUnlockedMethod = "auto"
	UserUnlockedMethodAdmin       UserUnlockedMethod = "admin"
	UserUnlockedMethodSelfService UserUnlockedMethod = "self_service"
)

// UserUpdated is the data of user.updated: a user account was changed.
type UserUpdated struct {
	ID string `json:"id"`
	// The names of the fields that changed, personal ones too.
	UpdatedFields []string `json:"updatedFields"`
	// Values before and after, only of fields that say nothing about the person.
	Changes   *UserUpdatedChanges `json:"changes,omitempty"`
	UpdatedBy string              `json:"updatedBy,omitempty"`
}

// UserUpdatedChanges is a part of the data of the type above.
type UserUpdatedChanges struct {
	Roles        *UserUpdatedChangesRoles        `json:"roles,omitempty"`
	Status       *UserUpdatedChangesStatus       `json:"status,omitempty"`
	AuthProvider *UserUpdatedChangesAuthProvider `json:"authProvider,omitempty"`
	Locale       *UserUpdatedChangesLocale       `json:"locale,omitempty"`
	TimeZone     *UserUpdatedChangesTimeZone     `json:"timeZone,omitempty"`
}

// UserUpdatedChangesRoles is a part of the data of the type above.
type UserUpdatedChangesRoles struct {
	From []string `json:"from,omitempty"`
	To   []string `json:"to"`
}

// UserUpdatedChangesStatus is a part of the data of the type above.
type UserUpdatedChangesStatus struct {
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}

// UserUpdatedChangesAuthProvider is a part of the data of the type above.
type UserUpdatedChangesAuthProvider struct {
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}

// UserUpdatedChangesLocale is a part of the data of the type above.
type UserUpdatedChangesLocale struct {
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}

// UserUpdatedChangesTimeZone is a part of the data of the type above.
type UserUpdatedChangesTimeZone struct {
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}
