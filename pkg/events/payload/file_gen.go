// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"time"
)

// FileDeleted is the data of file.deleted: a file was deleted.
type FileDeleted struct {
	FileID     string          `json:"fileId"`
	DeletedBy  string          `json:"deletedBy"`
	DeletedAt  time.Time       `json:"deletedAt"`
	Mode       FileDeletedMode `json:"mode"`
	VersionID  string          `json:"versionId,omitempty"`
	PurgeAfter *time.Time      `json:"purgeAfter,omitempty"`
}

// FileDeletedMode is one of the constants that begin with its name.
type FileDeletedMode string

// The values of FileDeletedMode.
const (
	FileDeletedModeSoft FileDeletedMode = "soft"
	FileDeletedModeHard FileDeletedMode = "hard"
)

// FileDownloaded is the data of file.downloaded: a file was downloaded.
type FileDownloaded struct {
	FileID       string    `json:"fileId"`
	DownloadedBy string    `json:"downloadedBy"`
	DownloadedAt time.Time `json:"downloadedAt"`
	VersionID    string    `json:"versionId,omitempty"`
	// How many bytes were sent.
	Bytes      *int64 `json:"bytes,omitempty"`
	IPAddress  string `json:"ipAddress,omitempty"`
	ViaShareID string `json:"viaShareId,omitempty"`
}

// FileScanned is the data of file.scanned: a file was scanned for malware.
type FileScanned struct {
	FileID        string            `json:"fileId"`
	Result        FileScannedResult `json:"result"`
	Engine        string            `json:"engine"`
	ScannedAt     time.Time         `json:"scannedAt"`
	EngineVersion string            `json:"engineVersion,omitempty"`
	// What was found, as the engine names it.
	Signature string            `json:"signature,omitempty"`
	Action    FileScannedAction `json:"action,omitempty"`
}

// FileScannedResult is one of the constants that begin with its name.
type FileScannedResult string

// The values of FileScannedResult.
const (
	FileScannedResultClean      FileScannedResult = "clean"
	FileScannedResultInfected   FileScannedResult = "infected"
	FileScannedResultSuspicious FileScannedResult = "suspicious"
	FileScannedResultError      FileScannedResult = "error"
)

// FileScannedAction is one of the constants that begin with its name.
type FileScannedAction string

// The values of FileScannedAction.
const (
	FileScannedActionNone        FileScannedAction = "none"
	FileScannedActionQuarantined FileScannedAction = "quarantined"
	FileScannedActionDeleted     FileScannedAction = "deleted"
)

// FileShared is the data of file.shared: a file was shared.
type FileShared struct {
	FileID     string               `json:"fileId"`
	ShareID    string               `json:"shareId"`
	SharedBy   string               `json:"sharedBy"`
	Target     FileSharedTarget     `json:"target"`
	Permission FileSharedPermission `json:"permission"`
	// The user, group or tenant it was shared with.
	TargetID          string     `json:"targetId,omitempty"`
	ExpiresAt         *time.Time `json:"expiresAt,omitempty"`
	PasswordProtected *bool      `json:"passwordProtected,omitempty"`
}

// FileSharedTarget is one of the constants that begin with its name.
type FileSharedTarget string

// The values of FileSharedTarget.
const (
	FileSharedTargetUser   FileSharedTarget = "user"
	FileSharedTargetGroup  FileSharedTarget = "group"
	FileSharedTargetLink   FileSharedTarget = "link"
	FileSharedTargetTenant FileSharedTarget = "tenant"
)

// FileSharedPermission is one of the constants that begin with its name.
type FileSharedPermission string

// The values of FileSharedPermission.
const (
	FileSharedPermissionView    FileSharedPermission = "view"
	FileSharedPermissionComment FileSharedPermission = "comment"
	FileSharedPermissionEdit    FileSharedPermission = "edit"
)

// FileUploaded is the data of file.uploaded: a file was stored.
type FileUploaded struct {
	FileID      string `json:"fileId"`
	FileName    string `json:"fileName"`
	ContentType string `json:"contentType"`
	SizeBytes   int64  `json:"sizeBytes"`
	// Where the object lies in the store; never a signed URL.
	StorageKey string               `json:"storageKey"`
	Checksum   FileUploadedChecksum `json:"checksum"`
	UploadedBy string               `json:"uploadedBy"`
	VersionID  string               `json:"versionId,omitempty"`
	FolderID   string               `json:"folderId,omitempty"`
	IsPublic   *bool                `json:"isPublic,omitempty"`
}

// FileUploadedChecksum is a part of the data of the type above.
type FileUploadedChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}
